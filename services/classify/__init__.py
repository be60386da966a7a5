"""Articles to reports, reports to incidents and alerts."""
