files-about = 📄 Envíame un archivo: lo guardo, lo leo y luego lo encuentras por lo que dice.

# Estados de un archivo. Van debajo de su nombre.
files-status-received = ⏳ Recibido. Lo estoy guardando…
files-status-stored = ⏳ Guardado. Lo estoy leyendo…
files-status-processed = ⏳ Leído. Lo estoy añadiendo a la búsqueda…
files-status-kept = ✅ Guardado.
files-status-words = ✅ Listo: se puede buscar por sus palabras.
files-status-meaning = ✅ Listo: se puede buscar por sus palabras y por su significado.
files-status-label = ✅ Guardado. Se puede buscar por su nombre y su descripción.
files-status-unsearchable = ✅ Guardado. No contiene nada por lo que buscarlo; una descripción ayudaría.

files-pages = { $pages ->
    [one] { $pages } página
    [many] { $pages } de páginas
   *[other] { $pages } páginas
}
files-words = { $words ->
    [one] { $words } palabra
    [many] { $words } de palabras
   *[other] { $words } palabras
}

files-duplicate = 🔁 Ya tengo este archivo: <b>{ $name }</b>. Aquí llegó la primera vez.
files-gone = Este archivo ya no está.

files-refused-large = ❌ { $size } MB son demasiados: Telegram me deja descargar { $limit } MB como máximo. Envíalo por partes o comprimido.

# Por qué no se puede guardar un archivo.
files-problem-duplicate = 🔁 Ya lo tengo, como <b>{ $original }</b>.
files-problem-too-large = ❌ Es más grande de lo que Telegram me deja descargar. Envíalo por partes o comprimido.
files-problem-empty-file = ❌ El archivo está vacío: no tiene ni un byte. Compruébalo y envíalo de nuevo.
files-problem-gone = ❌ Telegram ya no entrega este archivo. Envíalo de nuevo.
files-problem-dead = ❌ No he podido guardarlo tras varios intentos. Envíalo de nuevo más tarde.

# Por qué tarda más.
files-problem-no-room = ⏳ Ahora no puedo guardarlo: mi almacén no lo admite. Seguiré intentándolo.
files-problem-telegram-away = ⏳ Telegram no lo entrega en este momento. Seguiré intentándolo.

# Por qué un archivo se guarda pero no se lee. Van debajo de su estado.
files-problem-unsupported = No sé leer este tipo de archivo. Puedo leer: { $supported }.
files-problem-encrypted = Está protegido con contraseña y no he podido leerlo. Envíalo sin contraseña.
files-problem-corrupt = Está dañado y no he podido leerlo. Ábrelo y vuelve a guardarlo.
files-problem-no-text = No he encontrado texto en él.
files-problem-no-text-layer = Sus páginas son imágenes sin texto, y no sé leer imágenes.
files-problem-no-text-layer-in-part = Algunas de sus páginas son imágenes sin texto; esas no he podido leerlas.
files-problem-damaged = Está dañado y no he podido leerlo. Ábrelo y vuelve a guardarlo.
files-problem-damaged-in-part = Está dañado: solo he podido leer una parte.
files-problem-memory = Leerlo exige más memoria de la que puedo usar. Envíalo por partes.
files-problem-cpu = Leerlo llevaría demasiado tiempo. Envíalo por partes.
files-problem-wall = Leerlo llevaría demasiado tiempo. Envíalo por partes.
files-problem-output = Contiene más texto del que puedo admitir de una vez. Envíalo por partes.
files-problem-unpacked = Descomprimido ocupa más de lo que puedo admitir de una vez. Envíalo por partes.
files-problem-unsafe = Está hecho de un modo que causa daño al leerlo, así que no lo he tocado. Guárdalo de nuevo o en otro formato.
files-problem-crash = Mi lector ha fallado: algo en el archivo está mal. Vuelve a guardarlo, o en otro formato.
files-problem-unread = No he podido añadirlo a la búsqueda tras varios intentos. El archivo está a salvo.
files-problem-lost-bytes = He perdido mi copia. Envíalo de nuevo.
