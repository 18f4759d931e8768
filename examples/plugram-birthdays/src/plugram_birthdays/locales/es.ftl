command-birthdays = Los próximos cumpleaños
command-birthday = Recordar un cumpleaños

birthdays-about = 🎂 Envíame tarjetas de contacto (.vcf) y recordaré los cumpleaños.
birthdays-next = <b>Los próximos cumpleaños</b>
birthdays-none = No hay ningún cumpleaños cerca. Envíame tarjetas de contacto (.vcf) o escribe <code>/birthday 14.03.1990 Ana</code>.
birthdays-line = { $date } — <b>{ $name }</b>{ $age ->
    [0] { "" }
    [one] { " " }cumple { $age } año
   *[other] { " " }cumple { $age } años
}, { $days ->
    [0] ¡hoy!
    [1] mañana
    [one] dentro de { $days } día
   *[other] dentro de { $days } días
}
birthdays-reminder = 🎂 Hoy es el cumpleaños de <b>{ $name }</b>{ $age ->
    [0] .
    [one] : ¡{ $age } año!
   *[other] : ¡{ $age } años!
}
birthdays-remembered = Recordaré el cumpleaños de <b>{ $name }</b>.
birthdays-usage = Escribe el día y el nombre: <code>/birthday 14.03.1990 Ana</code>. Puedes dejar fuera el año.
