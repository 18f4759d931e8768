"""Tables of the files plugin."""

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="Animation",
            fields=[
                (
                    "file_id",
                    fields.BigIntField(
                        generated=False, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("scope", fields.CharField(max_length=64)),
                ("width", fields.IntField(null=True)),
                ("height", fields.IntField(null=True)),
                ("duration", fields.IntField(null=True)),
            ],
            options={"table": "files_animations", "app": "files", "pk_attr": "file_id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Audio",
            fields=[
                (
                    "file_id",
                    fields.BigIntField(
                        generated=False, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("scope", fields.CharField(max_length=64)),
                ("title", fields.CharField(default="", max_length=500)),
                ("performer", fields.CharField(default="", max_length=255)),
                ("duration", fields.IntField(null=True)),
            ],
            options={"table": "files_audio", "app": "files", "pk_attr": "file_id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Blob",
            fields=[
                (
                    "sha256",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64),
                ),
                ("key", fields.CharField(max_length=128)),
                ("kind", fields.CharField(max_length=16)),
                ("size", fields.BigIntField()),
                ("refcount", fields.IntField(default=0)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={
                "table": "files_blobs",
                "app": "files",
                "pk_attr": "sha256",
                "table_description": "Bytes, shared by all scopes that hold them.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Document",
            fields=[
                (
                    "file_id",
                    fields.BigIntField(
                        generated=False, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("scope", fields.CharField(max_length=64)),
                ("pages", fields.IntField(null=True)),
                ("words", fields.IntField(null=True)),
                ("title", fields.CharField(default="", max_length=500)),
                ("author", fields.CharField(default="", max_length=255)),
                ("written_at", fields.CharField(default="", max_length=40)),
            ],
            options={"table": "files_documents", "app": "files", "pk_attr": "file_id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Image",
            fields=[
                (
                    "file_id",
                    fields.BigIntField(
                        generated=False, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("scope", fields.CharField(max_length=64)),
                ("width", fields.IntField(null=True)),
                ("height", fields.IntField(null=True)),
            ],
            options={"table": "files_images", "app": "files", "pk_attr": "file_id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="TelegramFile",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("scope", fields.CharField(max_length=64)),
                ("kind", fields.CharField(max_length=16)),
                ("sent_as", fields.CharField(max_length=16)),
                ("name", fields.CharField(max_length=255)),
                ("named", fields.BooleanField(default=True)),
                ("caption", fields.TextField(default="", unique=False)),
                ("mime", fields.CharField(default="", max_length=127)),
                ("size", fields.BigIntField(default=0)),
                ("sha256", fields.CharField(default="", max_length=64)),
                ("blob_key", fields.CharField(default="", max_length=128)),
                ("file_id", fields.CharField(max_length=255)),
                ("file_unique_id", fields.CharField(max_length=64)),
                ("chat_id", fields.BigIntField()),
                ("message_id", fields.BigIntField()),
                ("sender_id", fields.BigIntField()),
                ("language", fields.CharField(default="", max_length=8)),
                ("stage", fields.SmallIntField(default=0)),
                ("problem", fields.CharField(default="", max_length=32)),
                ("found_by", fields.CharField(default="", max_length=8)),
                ("duplicate_of", fields.BigIntField(null=True)),
                ("status_message_id", fields.BigIntField(null=True)),
                ("revision", fields.IntField(default=0)),
                ("shown", fields.IntField(default=0)),
                ("status_until", fields.FloatField(default=0)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("updated_at", fields.DatetimeField(auto_now=True, auto_now_add=False)),
            ],
            options={
                "table": "files_telegram_files",
                "app": "files",
                "indexes": [
                    Index(fields=["scope", "file_unique_id"]),
                    Index(fields=["scope", "sha256"]),
                ],
                "pk_attr": "id",
                "table_description": "A file that came in a message.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="UserStatistics",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("scope", fields.CharField(max_length=64)),
                ("user_id", fields.BigIntField()),
                ("kind", fields.CharField(max_length=16)),
                ("files", fields.IntField(default=0)),
                ("bytes", fields.BigIntField(default=0)),
            ],
            options={
                "table": "files_user_statistics",
                "app": "files",
                "unique_together": (("scope", "user_id", "kind"),),
                "pk_attr": "id",
                "table_description": "What somebody has stored in a scope, by kind.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Video",
            fields=[
                (
                    "file_id",
                    fields.BigIntField(
                        generated=False, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("scope", fields.CharField(max_length=64)),
                ("width", fields.IntField(null=True)),
                ("height", fields.IntField(null=True)),
                ("duration", fields.IntField(null=True)),
            ],
            options={"table": "files_videos", "app": "files", "pk_attr": "file_id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Voice",
            fields=[
                (
                    "file_id",
                    fields.BigIntField(
                        generated=False, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("scope", fields.CharField(max_length=64)),
                ("duration", fields.IntField(null=True)),
            ],
            options={"table": "files_voice", "app": "files", "pk_attr": "file_id"},
            bases=["Model"],
        ),
    ]
