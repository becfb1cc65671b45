"""What happens in a customer's regions and in the plane, told to the pages of those who may know of it."""
