"""The region's sync service: it takes hosts' inventory, plans with :mod:`aloft.sync`, and writes OpenStack's records."""
