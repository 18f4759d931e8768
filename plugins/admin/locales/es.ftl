admin-plugin-quarantined = ⚠️ El complemento <b>{ $plugin }</b> ha quedado apartado; los demás siguen funcionando.

    <code>{ $reason }</code>
admin-job-dead = ⚠️ La tarea <b>{ $name }</b> (n.º { $job }) ha fallado definitivamente.

    <code>{ $error }</code>

    Las siguientes como esta se cuentan, pero no se avisan una a una. <code>plugram jobs dead</code> las muestra.
