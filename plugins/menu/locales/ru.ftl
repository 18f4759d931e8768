command-start = Что умеет этот бот
command-help = Все команды
command-settings = Язык, часовой пояс и другое
command-cancel = Прервать то, чем мы заняты

menu-start = 👋 Здравствуйте, <b>{ $name }</b>!
menu-start-commands = Вот что я умею:
    { $commands }
menu-help = <b>Команды</b>

    { $commands }

menu-settings = ⚙️ <b>Настройки</b>

    Язык: { $language }
    Часовой пояс: { $zone }
    У вас сейчас { $now }.
menu-settings-private = Настройки у каждого свои, поэтому поговорим о них в личном чате.
menu-language = На каком языке мне говорить?
menu-timezone = Ваш часовой пояс: { $zone }

    Назовите свой город или выберите разницу с UTC.
menu-timezone-city = Напишите свой город или ближайший крупный, например <i>Екатеринбург</i>. Команда /cancel оставит всё как есть.
menu-timezone-which = Что из этого ваше?
menu-timezone-unknown = Я не знаю места «{ $place }». Попробуйте город покрупнее поблизости или напишите разницу с UTC, например <code>+3</code>. Команда /cancel оставит всё как есть.
menu-timezone-set = Теперь ваш часовой пояс — { $zone }.
menu-saved = Сохранено
menu-gone = Этой настройки больше нет.

menu-cancelled = Отменено.
menu-nothing-to-cancel = Отменять нечего.

menu-button-ask-timezone = 🕒 Указать часовой пояс
menu-button-language = 🌐 Язык: { $language }
menu-button-timezone = 🕒 Часовой пояс: { $zone }
menu-button-preference = { $title }: { $choice }
menu-button-city = 🔎 Написать город
menu-button-auto = Как в Telegram
menu-button-back = « Назад
menu-button-close = Закрыть
menu-button-private = Открыть настройки

menu-joined = 👋 Здравствуйте, <b>{ $title }</b>!
menu-privacy = 🔒 В этой группе мне видны только команды и ответы на мои сообщения: таков режим приватности Telegram. Чтобы я читал всё, назначьте меня администратором.
menu-group-settings = ⚙️ <b>Настройки этой группы</b>

    Язык: { $language }
    Менять их могут администраторы.
menu-group-language = На каком языке мне говорить в этой группе?
menu-each-their-own = у каждого свой
menu-admins-only = Менять это могут только администраторы группы.
menu-button-group = ⚙️ Настройки этой группы
