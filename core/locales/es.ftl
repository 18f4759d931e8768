# Mensajes del propio bot. Los nombres empiezan por core-.

core-menu-expired = Este menú ha caducado.
core-menu-again = Ese menú ha caducado. Esto es lo que sé hacer:
core-unknown-command = No conozco ese comando. Esto es lo que sé hacer:
core-hint = No sé qué hacer con esto. Esto es lo que sé hacer:
core-paused = Esta función se está tomando un descanso. Inténtalo de nuevo dentro de un minuto.
core-unavailable = Esta función no está disponible para ti aquí.
core-failed = Lo siento, algo ha salido mal. Si vuelve a ocurrir, dile este número al administrador: <code>{ $trace }</code>
core-failed-short = Lo siento, algo ha salido mal (número { $trace }).
core-interrupted = Me han reiniciado a mitad de la respuesta. Lo que pediste está hecho; si falta mi respuesta, vuelve a preguntar.
