"""Sites known by coordinates: a user's own, and missions from open data."""
