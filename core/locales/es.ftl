# Mensajes del propio bot. Los nombres empiezan por core-.

core-menu-expired = Este menú ha caducado.
