"""Two-way sync: what hosts tell about themselves, and what OpenStack makes of it."""
