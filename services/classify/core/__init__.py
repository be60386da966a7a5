"""Pure reading of articles and pure correlation of reports."""
