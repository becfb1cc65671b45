"""One provider's machine: the shared services, the zygotes, the controllers in their slots, and a local API."""
