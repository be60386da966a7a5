"""One event, one incident: reports merged over time, and which changes are told."""
