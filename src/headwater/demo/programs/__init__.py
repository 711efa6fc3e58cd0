"""The programs of the company, by kind: what each exports, in its own words and with its own dirt."""
