command-start = Qué sabe hacer este bot
command-help = Todos los comandos
command-settings = Idioma, zona horaria y más
command-cancel = Dejar lo que estamos haciendo

menu-start = 👋 ¡Hola, <b>{ $name }</b>!
menu-start-commands = Esto es lo que sé hacer:
    { $commands }
menu-help = <b>Comandos</b>

    { $commands }

menu-settings = ⚙️ <b>Ajustes</b>

    Idioma: { $language }
    Zona horaria: { $zone }
    Tu hora: { $now }
menu-settings-private = Los ajustes son solo tuyos, así que mejor lo hablamos en privado.
menu-language = ¿En qué idioma quieres que hable?
menu-timezone = Tu zona horaria: { $zone }

    Dime tu ciudad o elige la diferencia con UTC.
menu-timezone-city = Escribe tu ciudad o la más grande que tengas cerca, por ejemplo <i>Bogotá</i>. Con /cancel se queda como está.
menu-timezone-which = ¿Cuál de estas es la tuya?
menu-timezone-unknown = No conozco ningún lugar llamado «{ $place }». Prueba con una ciudad más grande cercana o escribe la diferencia con UTC, por ejemplo <code>-5</code>. Con /cancel se queda como está.
menu-timezone-set = Tu zona horaria ahora es { $zone }.
menu-saved = Guardado
menu-gone = Este ajuste ya no existe.

menu-cancelled = Cancelado.
menu-nothing-to-cancel = No hay nada que cancelar.

menu-button-ask-timezone = 🕒 Indicar mi zona horaria
menu-button-language = 🌐 Idioma: { $language }
menu-button-timezone = 🕒 Zona horaria: { $zone }
menu-button-preference = { $title }: { $choice }
menu-button-city = 🔎 Escribir una ciudad
menu-button-auto = Como en Telegram
menu-button-back = « Atrás
menu-button-close = Cerrar
menu-button-private = Abrir los ajustes

menu-joined = 👋 ¡Hola, <b>{ $title }</b>!
menu-privacy = 🔒 En este grupo solo recibo los comandos y las respuestas a mis mensajes: es el modo de privacidad de Telegram. Si debo leerlo todo, hazme administrador.
menu-group-settings = ⚙️ <b>Ajustes de este grupo</b>

    Idioma: { $language }
    Los cambian sus administradores.
menu-group-language = ¿En qué idioma quieren que hable en este grupo?
menu-each-their-own = el de cada persona
menu-admins-only = Solo los administradores del grupo pueden cambiarlo.
menu-button-group = ⚙️ Ajustes de este grupo
