"""Between an answer and a template: what was asked, and how numbers are written."""
