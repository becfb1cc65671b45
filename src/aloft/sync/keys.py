"""Names by which the sync service, nova-compute on hosts and users speak about adopted instances."""

ADOPTED = "aloft:adopted"
"""Key in an instance's ``system_metadata``, with the value ``yes``: the domain was there first, and is operated as it
is defined. Users cannot change it."""

DELETE_DISKS = "aloft:delete_disks"
"""Key in an instance's ``metadata``, set by its user to ``yes``: deleting it deletes its disks, too. Otherwise disks
that Aloft did not make are kept."""

YES = "yes"
