"""The little code that is loaded into OpenStack's own processes: preloading, launchers, seeding.

It runs in a release's environment: standard library, cheroot and OpenStack's own libraries, nothing else.
"""
