"""The region's sync service: takes hosts' inventory, plans with :mod:`aloft.sync`, writes OpenStack's records."""
