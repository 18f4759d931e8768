command-pair = Entrar con un código de invitación
command-invite = Un código para que alguien entre
command-access = Quién puede usar este bot

access-stranger = Este bot es privado. Si tienes un código de invitación, escribe /pair y el código. Si no, habla con quien lleva el bot; tu número es { $id }.
access-strange-group = Todavía no trabajo en este grupo. Quien tenga un código de invitación puede escribir aquí /pair y el código.
access-too-fast = Escribes más rápido de lo que puedo responder. Sigue dentro de un minuto, por favor.

access-pair-how = Escribe /pair y el código, por ejemplo <code>/pair 7KQM2XVD</code>.
access-welcome = 👋 ¡Adelante! Con /start te cuento qué sé hacer.
access-welcome-group = 👋 Ya trabajo en este grupo. Con /help les cuento qué sé hacer.
access-code-unknown = Este código no vale: puede estar mal escrito, ya usado o caducado. Pide uno nuevo.
access-too-many-tries = Demasiados intentos. Prueba otra vez dentro de una hora.

access-invite =
    🎟 <code>{ $code }</code>

    { $uses ->
        [one] Para una persona o grupo
       *[other] Para { $uses } personas o grupos
    }, hasta el { $until }.
    En privado: { $link }
    En un grupo: <code>/{ $pair } { $code }</code>
access-invite-how = ¿Para cuántas personas? Por ejemplo, <code>/invite 5</code>; como mucho, { $most }.

access-open = 🚪 <b>Acceso</b>: este bot está abierto a todo el mundo.
access-closed = 🚪 <b>Acceso</b>: con invitación. Con /invite se crea un código.
access-listed =
    { $number ->
        [one] La configuración deja entrar a una persona o grupo.
       *[other] La configuración deja entrar a { $number } personas y grupos.
    }
access-guests = Han entrado con un código:
access-no-guests = Nadie ha entrado todavía con un código.
access-guest = • { $name } (<code>{ $id }</code>), { $since }
access-revoked = Hecho
access-button-revoke = ❌ { $name }
access-button-newer = ‹ Más recientes
access-button-older = Más antiguos ›
