"""Day two: a customer's metadata as it is backed up, proved, restored and carried to another release."""
