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

# De un archivo que se lee página a página.
files-part = Página { $part } de { $parts }

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
files-unavailable = Ahora mismo no puedo sacar este archivo de mi almacén. Inténtalo de nuevo en unos minutos.
files-archived = Este archivo está en almacenamiento de larga duración. Ya lo he pedido; puede tardar hasta un día. Inténtalo entonces.

files-link =
    🔗 Este enlace funciona durante { $minutes ->
        [one] un minuto
       *[other] { $minutes } minutos
    } para cualquiera que lo tenga.
files-no-links = Aquí ya no hay enlaces a archivos.
files-refused-large = ❌ { $size } MB son demasiados: Telegram me deja descargar { $limit } MB como máximo. Envíalo por partes o comprimido.
files-refused-count = ❌ Ya tienes { $files } archivos aquí, que son los que guardo por persona. Borra alguno con /files, vacía la papelera y envía este otra vez.
files-refused-space = ❌ Tus archivos ocupan { $used } de los { $limit } MB que guardo por persona. Borra alguno con /files, vacía la papelera y envía este otra vez.
files-refused-rate =
    ❌ Acepto { $limit } archivos por minuto de cada persona. Envía este otra vez dentro de { $seconds ->
        [one] un segundo
       *[other] { $seconds } segundos
    }.
files-refused-waiting = ❌ Todavía hay { $files } archivos tuyos sin leer. Envía este otra vez cuando estén listos.
files-refused-busy = ❌ Ahora mismo hay muchísimos archivos en cola. Envía este otra vez dentro de unos minutos.

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
files-problem-picture = Aquí no sé leer el texto de las imágenes.
files-problem-script = Aquí no sé leer { $what ->
    [cyrillic] el alfabeto cirílico
    [greek] el alfabeto griego
    [arabic] la escritura árabe
    [hebrew] el alfabeto hebreo
    [han] los caracteres chinos
    [japanese] la escritura japonesa
    [hangul] la escritura coreana
    [devanagari] el devanagari
    [bengali] la escritura bengalí
    [tamil] la escritura tamil
    [thai] la escritura tailandesa
    [georgian] el alfabeto georgiano
    [armenian] el alfabeto armenio
    [latin] el alfabeto latino
   *[other] esta escritura
} en las imágenes.
files-problem-script-in-part = No he podido leerlo todo. { files-problem-script }
files-problem-illegible = En la imagen hay texto, pero no lo distingo. Ayudaría una más nítida.
files-problem-illegible-in-part = Una parte del texto no la distingo. Ayudaría una imagen más nítida.
files-problem-pages-left = Tiene más páginas escaneadas de las que leo en un archivo. Envíalo por partes.
files-problem-pages-left-in-part = Tiene más páginas escaneadas de las que leo en un archivo: he dejado fuera las últimas. Envíalo por partes.
files-problem-memory-in-part = Una parte necesitaría más memoria de la que puedo usar y la he dejado fuera.
files-problem-cpu-in-part = Leer una parte llevaría demasiado tiempo y la he dejado fuera.
files-problem-wall-in-part = Leer una parte llevaría demasiado tiempo y la he dejado fuera.
files-problem-output-in-part = Una parte tiene más texto del que puedo tomar de una vez y la he dejado fuera.
files-problem-crash-in-part = Mi lector falló en una parte y la he dejado fuera.
files-problem-corrupt-in-part = Una parte está dañada y la he dejado fuera.
files-problem-unsupported-in-part = Una parte no sé leerla y la he dejado fuera.
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

# /files
command-files = Tus archivos: buscar, renombrar, etiquetar, borrar
command-tag = Etiqueta el archivo al que respondes
files-word-trash = papelera

files-list = 🗂 <b>{ $files ->
    [0] Tus archivos
    [one] { $files } archivo
    [many] { $files } de archivos
   *[other] { $files } archivos
}</b>
files-list-chosen = { $chosen }: { $files ->
    [one] { $files } archivo
    [many] { $files } de archivos
   *[other] { $files } archivos
}
files-list-coming = { $files ->
    [one] ⏳ Hay { $files } más en camino.
    [many] ⏳ Hay { $files } más en camino.
   *[other] ⏳ Hay { $files } más en camino.
}
files-list-empty = Aquí aún no hay nada. Envíame un archivo y lo guardaré.
files-list-nothing = No tienes ningún archivo así.
files-choose-kind = ¿Qué tipo de archivos?
files-choose-tag = ¿Qué etiqueta?
files-no-tags = Ningún archivo tiene etiquetas todavía. Responde a un archivo con #palabras o ponlas en su descripción.
files-tag-any = Cualquier etiqueta
files-tag-unknown = Ningún archivo tiene la etiqueta #{ $tag }.

files-kind-all = Todos los tipos
files-kind-images = Imágenes
files-kind-videos = Vídeos
files-kind-audio = Música
files-kind-documents = Documentos
files-kind-voice = Mensajes de voz
files-kind-animations = Animaciones
files-kind-stickers = Stickers
files-kind-other = Otros

files-button-send = 📎 Enviar archivo
files-button-show = 💬 Ver mensaje
files-button-link = 🔗 Enlace
files-button-open = ⬇️ Descargar
files-button-fresh = 🔄 Enlace nuevo
files-button-rename = ✏️ Renombrar
files-button-tags = 🏷 Etiquetas
files-button-delete = 🗑 Borrar
files-button-back = ‹ Volver
files-button-to-files = ‹ Archivos
files-button-done = ✓ Listo
files-button-type = ✍️ Otra…
files-button-trash-it = Borrar
files-button-keep = Conservar
files-button-undo = ↩️ Deshacer
files-button-restore = ↩️ Restaurar
files-button-erase = ❌ Borrar del todo
files-button-erase-it = Borrar del todo
files-button-trash = 🗑 Papelera ({ $files })
files-button-empty-trash = ❌ Vaciar la papelera

files-card-from = { $date }, de { $name }
files-size-bytes = { $size ->
    [one] { $size } byte
    [many] { $size } de bytes
   *[other] { $size } bytes
}
files-size-kb = { $size } KB
files-size-mb = { $size } MB
files-fact-title = Título: { $value }
files-fact-author = Autor: { $value }
files-fact-performer = Intérprete: { $value }
files-fact-written_at = Escrito: { $value }
files-fact-emoji = Emoji: { $value }
files-fact-set_name = Colección: { $value }
files-fact-place = Lugar: { $value }
files-fact-camera = Cámara: { $value }
files-fact-taken_at = Fecha de la foto: { $value }

files-original = Aquí llegó: <b>{ $name }</b>
files-original-gone = El mensaje que trajo <b>{ $name }</b> ya no está.

files-ask-name = ¿Cómo se va a llamar <b>{ $name }</b>? Escribe el nuevo nombre, o /cancel.
files-name-empty = De ese nombre no queda nada. Escribe uno con letras o cifras, o /cancel.
files-name-long = { $length } caracteres son demasiados para un nombre: caben { $longest }. Escribe uno más corto, o /cancel.

files-tags-of = Pulsa una etiqueta para quitarla (✕) o ponerla (＋).
files-ask-tags = ¿Qué etiquetas le pongo a <b>{ $name }</b>? Escribe palabras separadas por espacios o comas, o /cancel.
files-tags-none = No veo ninguna etiqueta. Escribe palabras con letras y cifras, por ejemplo: impuestos, seguro del coche
files-tag-long = La etiqueta «{ $tag }» es demasiado larga: caben { $longest } caracteres.
files-tags-many = Son demasiadas etiquetas: un archivo puede tener { $most }.
files-tags-now = 🏷 <b>{ $name }</b>: { $tags }
files-tags-now-none = 🏷 <b>{ $name }</b> ya no tiene etiquetas.
files-tag-usage = Responde a un archivo con <code>/tag impuestos, coche</code>, o simplemente con <code>#impuestos</code>. Con <code>/tag -impuestos</code> quitas una etiqueta.
files-tag-no-file = Ese mensaje no trajo ningún archivo que yo guarde.

files-ask-delete = ¿Borrar <b>{ $name }</b>? { $days ->
    [0] Ya nadie podrá encontrarlo.
    [one] Quedará un día en la papelera.
    [many] Quedará { $days } de días en la papelera.
   *[other] Quedará { $days } días en la papelera.
}
files-trashed = 🗑 <b>{ $name }</b> está en la papelera.
files-ask-erase = ¿Borrar <b>{ $name }</b> del todo? No se podrá recuperar.
files-erased = ❌ <b>{ $name }</b> está borrado.
files-trash = 🗑 <b>{ $files ->
    [one] { $files } archivo en la papelera
    [many] { $files } de archivos en la papelera
   *[other] { $files } archivos en la papelera
}</b>
files-trash-days = { $days ->
    [0] Se borran del todo en menos de una hora.
    [one] Cada uno se borra del todo al cabo de un día.
    [many] Cada uno se borra del todo al cabo de { $days } de días.
   *[other] Cada uno se borra del todo al cabo de { $days } días.
}
files-trash-empty = 🗑 La papelera está vacía.
files-ask-empty = { $files ->
    [one] ¿Borrar { $files } archivo del todo? No se podrá recuperar.
    [many] ¿Borrar { $files } de archivos del todo? No se podrán recuperar.
   *[other] ¿Borrar { $files } archivos del todo? No se podrán recuperar.
}
files-emptied = ❌ { $files ->
    [one] { $files } archivo borrado.
    [many] { $files } de archivos borrados.
   *[other] { $files } archivos borrados.
}
files-back-from-trash = ♻️ <b>{ $name }</b> estaba en la papelera. Ya está de vuelta.
files-not-yours = Solo quien envió este archivo y los administradores del grupo pueden cambiarlo.
files-not-admin = Solo los administradores del grupo pueden vaciar la papelera.

# Un solo mensaje sobre archivos que llegaron juntos.
files-batch = 🗂 <b>{ $files ->
    [one] { $files } archivo
    [many] { $files } de archivos
   *[other] { $files } archivos
}</b>
files-batch-coming = ⏳ Guardando y leyendo: { $files }
files-batch-meaning = ✅ Se buscan por palabras y por significado: { $files }
files-batch-found = ✅ Se buscan por palabras: { $files }
files-batch-kept = ✅ Guardados, sin nada por lo que buscarlos: { $files }
files-batch-duplicates = 🔁 Ya los tenía: { $files }
files-batch-failed = ❌ No he podido guardar: { $files }
files-batch-more = y { $files } más
