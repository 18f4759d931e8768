admin-plugin-quarantined = ⚠️ Плагин <b>{ $plugin }</b> отключён, остальные работают.

    <code>{ $reason }</code>
admin-job-dead = ⚠️ Задача <b>{ $name }</b> (№ { $job }) окончательно не удалась.

    <code>{ $error }</code>

    О следующих таких же я не сообщаю, а только считаю их. Все — в <code>plugram jobs dead</code>.
