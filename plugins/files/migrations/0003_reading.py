"""How far a long reading is, and what is known of a picture."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields


class Migration(migrations.Migration):
    dependencies = [("files", "0002_trash_tags_extractions")]

    initial = False

    operations = [
        ops.AddField(model_name="TelegramFile", name="part", field=fields.IntField(default=0)),
        ops.AddField(model_name="TelegramFile", name="parts", field=fields.IntField(default=0)),
        ops.AddField(model_name="Image", name="pages", field=fields.IntField(null=True)),
        ops.AddField(model_name="Image", name="words", field=fields.IntField(null=True)),
        ops.AddField(
            model_name="Image", name="phash", field=fields.CharField(default="", max_length=16)
        ),
        ops.AddField(
            model_name="Image", name="taken_at", field=fields.CharField(default="", max_length=40)
        ),
        ops.AddField(
            model_name="Image", name="camera", field=fields.CharField(default="", max_length=120)
        ),
        ops.AddField(model_name="Image", name="latitude", field=fields.FloatField(null=True)),
        ops.AddField(model_name="Image", name="longitude", field=fields.FloatField(null=True)),
    ]
