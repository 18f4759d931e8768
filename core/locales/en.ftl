# Messages that the host itself sends. Ids begin with core-.

core-menu-expired = This menu is out of date.
