admin-plugin-quarantined = ⚠️ The plugin <b>{ $plugin }</b> was set aside; the others work on.

    <code>{ $reason }</code>
admin-job-dead = ⚠️ The job <b>{ $name }</b> (no. { $job }) failed for good.

    <code>{ $error }</code>

    More of its kind are counted, not reported one by one. <code>plugram jobs dead</code> lists them.
