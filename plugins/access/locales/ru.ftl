command-pair = Войти по коду приглашения
command-invite = Код, по которому можно войти
command-access = Кому доступен этот бот

access-stranger = Это закрытый бот. Если у вас есть код приглашения, напишите /pair и код. Если нет, обратитесь к тому, кто ведёт бота; ваш номер — { $id }.
access-strange-group = В этой группе я пока не работаю. Тот, у кого есть код приглашения, может написать здесь /pair и код.
access-too-fast = Вы пишете быстрее, чем мне можно отвечать. Продолжите, пожалуйста, через минуту.

access-pair-how = Напишите /pair и код, например <code>/pair 7KQM2XVD</code>.
access-welcome = 👋 Добро пожаловать! Команда /start расскажет, что я умею.
access-welcome-group = 👋 Теперь я работаю в этой группе. Команда /help расскажет, что я умею.
access-code-unknown = Этот код не подходит: в нём опечатка, он уже использован или устарел. Попросите новый.
access-too-many-tries = Слишком много попыток. Попробуйте снова через час.

access-invite =
    🎟 <code>{ $code }</code>

    { $uses ->
        [one] На { $uses } человека или группу
        [few] На { $uses } человека или группы
       *[many] На { $uses } человек или групп
    }, до { $until }.
    В личном чате: { $link }
    В группе: <code>/{ $pair } { $code }</code>
access-invite-how = На сколько человек? Например, <code>/invite 5</code>, не больше { $most }.

access-open = 🚪 <b>Доступ</b>: бот открыт для всех.
access-closed = 🚪 <b>Доступ</b>: по приглашению. Команда /invite выдаст код.
access-listed =
    { $number ->
        [one] В настройках указан { $number } человек или группа.
        [few] В настройках указаны { $number } человека или группы.
       *[many] В настройках указано { $number } человек или групп.
    }
access-guests = Вошли по коду:
access-no-guests = По коду пока никто не вошёл.
access-guest = • { $name } (<code>{ $id }</code>), { $since }
access-revoked = Готово
access-button-revoke = ❌ { $name }
access-button-newer = ‹ Новее
access-button-older = Старше ›
