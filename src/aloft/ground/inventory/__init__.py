"""The host's account of itself: reads libvirt, bridges and the image folder, and posts what changes to the region.

A process of its own, ``python -m aloft.ground.inventory``, with the standard library and libvirt's binding and nothing
else, so that it stays small.
"""
