# Состояния файла. Стоят под его именем.
files-status-received = ⏳ Получил, сохраняю…
files-status-stored = ⏳ Сохранил, читаю…
files-status-processed = ⏳ Прочитал, добавляю в поиск…
files-status-kept = ✅ Файл сохранён.
files-status-words = ✅ Готово: ищется по словам.
files-status-meaning = ✅ Готово: ищется по словам и по смыслу.
files-status-label = ✅ Сохранил. Ищется по имени и подписи.
files-status-unsearchable = ✅ Сохранил, но искать в нём не по чему. С подписью он бы нашёлся.

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

files-refused-large = ❌ { $size } МБ — слишком много: Telegram отдаёт мне файлы не больше { $limit } МБ. Пришлите по частям или в сжатом виде.

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
files-problem-damaged = Файл повреждён, прочитать не смог. Откройте его у себя и сохраните заново.
files-problem-damaged-in-part = Файл повреждён: прочитал только часть.
files-problem-memory = Чтобы его прочитать, нужно больше памяти, чем мне разрешено. Пришлите по частям.
files-problem-cpu = Чтение занимает слишком много времени. Пришлите по частям.
files-problem-wall = Чтение занимает слишком много времени. Пришлите по частям.
files-problem-output = В нём больше текста, чем я могу взять за раз. Пришлите по частям.
files-problem-crash = При чтении произошёл сбой: в файле что-то испорчено. Сохраните его заново или в другом формате.
files-problem-unread = Не получилось добавить в поиск за несколько попыток. Сам файл цел.
files-problem-lost-bytes = Моя копия файла утеряна. Пришлите его ещё раз.
