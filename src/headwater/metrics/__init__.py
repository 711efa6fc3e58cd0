"""The path of a number: catalogue -> formula -> planner -> render, then observations from the rows that came back."""
