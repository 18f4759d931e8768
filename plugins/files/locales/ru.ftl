files-about = 📄 Пришлите файл: я сохраню его и прочитаю, а вы потом найдёте его по содержанию.

# Состояния файла. Стоят под его именем.
files-status-received = ⏳ Получил, сохраняю…
files-status-stored = ⏳ Сохранил, читаю…
files-status-processed = ⏳ Прочитал, добавляю в поиск…
files-status-kept = ✅ Файл сохранён.
files-status-words = ✅ Готово: ищется по словам.
files-status-meaning = ✅ Готово: ищется по словам и по смыслу.
files-status-label = ✅ Сохранил. Ищется по имени и подписи.
files-status-unsearchable = ✅ Сохранил, но искать в нём не по чему. С подписью он бы нашёлся.

# О файле, который читается по страницам.
files-part = Страница { $part } из { $parts }

files-pages = { $pages ->
    [one] { $pages } страница
    [few] { $pages } страницы
    [many] { $pages } страниц
   *[other] { $pages } страницы
}
files-words = { $words ->
    [one] { $words } слово
    [few] { $words } слова
    [many] { $words } слов
   *[other] { $words } слова
}

files-duplicate = 🔁 Такой файл у меня уже есть: <b>{ $name }</b>. Вот где он был впервые.
files-gone = Этого файла больше нет.
files-unavailable = Сейчас не удаётся достать этот файл из хранилища. Попробуйте через несколько минут.
files-archived = Этот файл лежит в архиве. Я запросил его, это занимает до суток. Попробуйте позже.

files-link =
    🔗 Ссылка действует { $minutes ->
        [one] { $minutes } минуту
        [few] { $minutes } минуты
       *[many] { $minutes } минут
    } и откроется у каждого, у кого она есть.
files-no-links = Ссылок на файлы здесь больше нет.
files-refused-large = ❌ { $size } МБ — слишком много: Telegram отдаёт мне файлы не больше { $limit } МБ. Пришлите по частям или в сжатом виде.
files-refused-count =
    ❌ У вас здесь уже { $files ->
        [one] { $files } файл
        [few] { $files } файла
       *[many] { $files } файлов
    } — больше для одного человека я не храню. Удалите лишнее через /files, очистите корзину и пришлите этот файл снова.
files-refused-space = ❌ Ваши файлы занимают { $used } из { $limit } МБ, которые я храню для одного человека. Удалите лишнее через /files, очистите корзину и пришлите этот файл снова.
files-refused-rate =
    ❌ От одного человека я принимаю не больше { $limit ->
        [one] { $limit } файла
        [few] { $limit } файлов
       *[many] { $limit } файлов
    } в минуту. Пришлите этот файл снова через { $seconds ->
        [one] { $seconds } секунду
        [few] { $seconds } секунды
       *[many] { $seconds } секунд
    }.
files-refused-waiting =
    ❌ Ещё не { $files ->
        [one] прочитан { $files } ваш файл
        [few] прочитаны { $files } ваших файла
       *[many] прочитано { $files } ваших файлов
    }. Пришлите этот снова, когда они будут готовы.
files-refused-busy = ❌ Сейчас в очереди очень много файлов. Пришлите этот файл снова через несколько минут.

# Почему файл не сохранить.
files-problem-duplicate = 🔁 Он у меня уже есть: <b>{ $original }</b>.
files-problem-too-large = ❌ Файл больше, чем Telegram позволяет мне скачать. Пришлите по частям или в сжатом виде.
files-problem-empty-file = ❌ Файл пустой: в нём ноль байт. Проверьте его и пришлите ещё раз.
files-problem-gone = ❌ Telegram больше не отдаёт этот файл. Пришлите его ещё раз.
files-problem-dead = ❌ Не получилось сохранить за несколько попыток. Пришлите позже ещё раз.

# Почему это дольше обычного.
files-problem-no-room = ⏳ Сейчас не могу сохранить: хранилище не принимает. Буду пробовать дальше.
files-problem-telegram-away = ⏳ Telegram сейчас не отдаёт файл. Буду пробовать дальше.

# Почему файл сохранён, но не прочитан. Стоят под состоянием.
files-problem-unsupported = Такие файлы читать не умею. Умею: { $supported }.
files-problem-encrypted = Файл защищён паролем, прочитать не смог. Пришлите без пароля.
files-problem-corrupt = Файл повреждён, прочитать не смог. Откройте его у себя и сохраните заново.
files-problem-no-text = Текста в нём не нашёл.
files-problem-no-text-layer = Страницы — картинки без текста, а картинки я читать не умею.
files-problem-no-text-layer-in-part = Часть страниц — картинки без текста, их прочитать не смог.
files-problem-picture = Текст на картинках я здесь читать не умею.
files-problem-script = На картинках я здесь не умею читать { $what ->
    [cyrillic] кириллицу
    [greek] греческое письмо
    [arabic] арабское письмо
    [hebrew] иврит
    [han] китайские иероглифы
    [japanese] японское письмо
    [hangul] корейское письмо
    [devanagari] деванагари
    [bengali] бенгальское письмо
    [tamil] тамильское письмо
    [thai] тайское письмо
    [georgian] грузинское письмо
    [armenian] армянское письмо
    [latin] латиницу
   *[other] такое письмо
}.
files-problem-script-in-part = Прочитал не всё. { files-problem-script }
files-problem-illegible = На картинке есть текст, но разобрать его я не могу. Поможет снимок почётче.
files-problem-illegible-in-part = Часть текста разобрать не удалось. Поможет снимок почётче.
files-problem-pages-left = Отсканированных страниц больше, чем я читаю в одном файле. Пришлите его по частям.
files-problem-pages-left-in-part = Отсканированных страниц больше, чем я читаю в одном файле: последние пропустил. Пришлите его по частям.
files-problem-memory-in-part = На часть файла не хватило отведённой мне памяти, я её пропустил.
files-problem-cpu-in-part = Одна из частей читалась бы слишком долго, я её пропустил.
files-problem-wall-in-part = Одна из частей читалась бы слишком долго, я её пропустил.
files-problem-output-in-part = В одной из частей текста больше, чем я могу взять за раз, я её пропустил.
files-problem-crash-in-part = На одной из частей программа чтения споткнулась, я её пропустил.
files-problem-corrupt-in-part = Часть файла повреждена, я её пропустил.
files-problem-unsupported-in-part = Часть файла я читать не умею, поэтому пропустил.
files-problem-damaged = Файл повреждён, прочитать не смог. Откройте его у себя и сохраните заново.
files-problem-damaged-in-part = Файл повреждён: прочитал только часть.
files-problem-memory = Чтобы его прочитать, нужно больше памяти, чем мне разрешено. Пришлите по частям.
files-problem-cpu = Чтение занимает слишком много времени. Пришлите по частям.
files-problem-wall = Чтение занимает слишком много времени. Пришлите по частям.
files-problem-output = В нём больше текста, чем я могу взять за раз. Пришлите по частям.
files-problem-unpacked = В распакованном виде он больше, чем я могу взять за раз. Пришлите по частям.
files-problem-unsafe = Он устроен так, что чтение может навредить, поэтому я его не трогал. Сохраните заново или в другом формате.
files-problem-crash = При чтении произошёл сбой: в файле что-то испорчено. Сохраните его заново или в другом формате.
files-problem-unread = Не получилось добавить в поиск за несколько попыток. Сам файл цел.
files-problem-lost-bytes = Моя копия файла утеряна. Пришлите его ещё раз.

# /files
command-files = Ваши файлы: найти, переименовать, пометить, удалить
command-tag = Пометить файл, на который отвечаете
files-word-trash = корзина

files-list = 🗂 <b>{ $files ->
    [0] Ваши файлы
    [one] { $files } файл
    [few] { $files } файла
    [many] { $files } файлов
   *[other] { $files } файла
}</b>
files-list-chosen = { $chosen }: { $files ->
    [one] { $files } файл
    [few] { $files } файла
    [many] { $files } файлов
   *[other] { $files } файла
}
files-list-coming = { $files ->
    [one] ⏳ Ещё { $files } на подходе.
    [few] ⏳ Ещё { $files } на подходе.
    [many] ⏳ Ещё { $files } на подходе.
   *[other] ⏳ Ещё { $files } на подходе.
}
files-list-empty = Здесь пока пусто. Пришлите файл, и я его сохраню.
files-list-nothing = Таких файлов у вас нет.
files-choose-kind = Какие файлы показать?
files-choose-tag = С какой меткой?
files-no-tags = Меток пока нет. Ответьте на файл #словами или добавьте их в подпись.
files-tag-any = Любая метка
files-tag-unknown = Файлов с меткой #{ $tag } нет.

files-kind-all = Все файлы
files-kind-images = Картинки
files-kind-videos = Видео
files-kind-audio = Музыка
files-kind-documents = Документы
files-kind-voice = Голосовые
files-kind-animations = Анимации
files-kind-stickers = Стикеры
files-kind-other = Другое

files-button-send = 📎 Прислать файл
files-button-show = 💬 К сообщению
files-button-link = 🔗 Ссылка
files-button-open = ⬇️ Скачать
files-button-fresh = 🔄 Новая ссылка
files-button-rename = ✏️ Имя
files-button-tags = 🏷 Метки
files-button-delete = 🗑 Удалить
files-button-back = ‹ Назад
files-button-to-files = ‹ К файлам
files-button-done = ✓ Готово
files-button-type = ✍️ Другая…
files-button-trash-it = Удалить
files-button-keep = Оставить
files-button-undo = ↩️ Вернуть
files-button-restore = ↩️ Восстановить
files-button-erase = ❌ Удалить навсегда
files-button-erase-it = Удалить навсегда
files-button-trash = 🗑 Корзина ({ $files })
files-button-empty-trash = ❌ Очистить корзину

files-card-from = { $date }, от { $name }
files-size-bytes = { $size ->
    [one] { $size } байт
    [few] { $size } байта
    [many] { $size } байт
   *[other] { $size } байта
}
files-size-kb = { $size } КБ
files-size-mb = { $size } МБ
files-fact-title = Название: { $value }
files-fact-author = Автор: { $value }
files-fact-performer = Исполнитель: { $value }
files-fact-written_at = Написано: { $value }
files-fact-emoji = Эмодзи: { $value }
files-fact-set_name = Набор: { $value }
files-fact-place = Место: { $value }
files-fact-camera = Камера: { $value }
files-fact-taken_at = Снято: { $value }

files-original = Вот где он пришёл: <b>{ $name }</b>
files-original-gone = Сообщения, в котором пришёл <b>{ $name }</b>, больше нет.

files-ask-name = Как назвать <b>{ $name }</b>? Напишите новое имя или /cancel.
files-name-empty = От такого имени ничего не остаётся. Напишите имя с буквами или цифрами или /cancel.
files-name-long = Слишком длинное имя, символов: { $length }. Можно не больше { $longest }. Напишите короче или /cancel.

files-tags-of = Нажмите на метку, чтобы снять её (✕) или поставить (＋).
files-ask-tags = Какие метки поставить на <b>{ $name }</b>? Напишите слова через пробел или запятую, или /cancel.
files-tags-none = Не вижу здесь меток. Напишите слова из букв и цифр, например: налоги, страховка машины
files-tag-long = Метка «{ $tag }» слишком длинная, можно не больше { $longest } символов.
files-tags-many = Слишком много меток: у файла их может быть { $most }.
files-tags-now = 🏷 <b>{ $name }</b>: { $tags }
files-tags-now-none = 🏷 <b>{ $name }</b>: меток больше нет.
files-tag-usage = Ответьте на файл командой <code>/tag налоги, машина</code> или просто <code>#налоги</code>. Снять метку: <code>/tag -налоги</code>.
files-tag-no-file = В этом сообщении нет файла, который я храню.

files-ask-delete = Удалить <b>{ $name }</b>? { $days ->
    [0] Найти его будет уже нельзя.
    [one] В корзине он пролежит { $days } день.
    [few] В корзине он пролежит { $days } дня.
    [many] В корзине он пролежит { $days } дней.
   *[other] В корзине он пролежит { $days } дня.
}
files-trashed = 🗑 <b>{ $name }</b> в корзине.
files-ask-erase = Удалить <b>{ $name }</b> навсегда? Вернуть будет нельзя.
files-erased = ❌ <b>{ $name }</b> удалён.
files-trash = 🗑 <b>В корзине { $files ->
    [one] { $files } файл
    [few] { $files } файла
    [many] { $files } файлов
   *[other] { $files } файла
}</b>
files-trash-days = { $days ->
    [0] Они удаляются навсегда в течение часа.
    [one] Каждый удаляется навсегда через { $days } день.
    [few] Каждый удаляется навсегда через { $days } дня.
    [many] Каждый удаляется навсегда через { $days } дней.
   *[other] Каждый удаляется навсегда через { $days } дня.
}
files-trash-empty = 🗑 Корзина пуста.
files-ask-empty = { $files ->
    [one] Удалить навсегда { $files } файл? Вернуть будет нельзя.
    [few] Удалить навсегда { $files } файла? Вернуть будет нельзя.
    [many] Удалить навсегда { $files } файлов? Вернуть будет нельзя.
   *[other] Удалить навсегда { $files } файла? Вернуть будет нельзя.
}
files-emptied = ❌ { $files ->
    [one] Удалён { $files } файл.
    [few] Удалено { $files } файла.
    [many] Удалено { $files } файлов.
   *[other] Удалено { $files } файла.
}
files-back-from-trash = ♻️ <b>{ $name }</b> лежал в корзине. Теперь он снова здесь.
files-not-yours = Менять этот файл могут только тот, кто его прислал, и админы группы.
files-not-admin = Очищать корзину могут только админы группы.

# Одно сообщение о файлах, которые пришли вместе.
files-batch = 🗂 <b>{ $files ->
    [one] { $files } файл
    [few] { $files } файла
    [many] { $files } файлов
   *[other] { $files } файла
}</b>
files-batch-coming = ⏳ Сохраняю и читаю: { $files }
files-batch-meaning = ✅ Ищутся по словам и по смыслу: { $files }
files-batch-found = ✅ Ищутся по словам: { $files }
files-batch-kept = ✅ Сохранены, но искать в них не по чему: { $files }
files-batch-duplicates = 🔁 Уже были у меня: { $files }
files-batch-failed = ❌ Не удалось сохранить: { $files }
files-batch-more = и ещё { $files }
