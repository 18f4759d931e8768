command-birthdays = Ближайшие дни рождения
command-birthday = Запомнить день рождения

birthdays-about = 🎂 Пришлите визитки (.vcf) — я запомню дни рождения из них.
birthdays-next = <b>Ближайшие дни рождения</b>
birthdays-none = Ближайших дней рождения нет. Пришлите визитки (.vcf) или напишите <code>/birthday 14.03.1990 Анна</code>.
birthdays-line = { $date } — <b>{ $name }</b>{ $age ->
    [0] { "" }
    [one] , исполнится { $age } год
    [few] , исполнится { $age } года
   *[many] , исполнится { $age } лет
} ({ $days ->
    [0] сегодня!
    [1] завтра
    [one] через { $days } день
    [few] через { $days } дня
   *[many] через { $days } дней
})
birthdays-reminder = 🎂 Сегодня день рождения у <b>{ $name }</b>{ $age ->
    [0] .
    [one] : { $age } год!
    [few] : { $age } года!
   *[many] : { $age } лет!
}
birthdays-remembered = Я запомню: день рождения у <b>{ $name }</b>.
birthdays-usage = Напишите день и имя: <code>/birthday 14.03.1990 Анна</code>. Год можно не указывать.
