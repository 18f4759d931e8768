command-birthdays = The next birthdays
command-birthday = Remember a birthday

birthdays-about = 🎂 Send me contact cards (.vcf), and I remember the birthdays in them.
birthdays-next = <b>The next birthdays</b>
birthdays-none = No birthday is near. Send me contact cards (.vcf), or write <code>/birthday 14.03.1990 Ann</code>.
birthdays-line = { $date } — <b>{ $name }</b>{ $age ->
    [0] { "" }
    [one] { " " }turns { $age }
   *[other] { " " }turns { $age }
}, { $days ->
    [0] today!
    [1] tomorrow
   *[other] in { $days } days
}
birthdays-reminder = 🎂 Today is the birthday of <b>{ $name }</b>{ $age ->
    [0] .
    [one] : the first!
   *[other] : { $age }!
}
birthdays-remembered = I will remember the birthday of <b>{ $name }</b>.
birthdays-usage = Write the day and the name: <code>/birthday 14.03.1990 Ann</code>. You may leave the year out.
