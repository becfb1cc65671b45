"""The REST API: routes and the types that they take and give."""
