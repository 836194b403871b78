"""From ids back to URLs."""

from sqlalchemy import Connection, select, text

from db.models import File, Place


def url_of_blob(connection: Connection, blob_id: int) -> str:
    """Return a URL where the blob was seen: its file's, with the path inside an archive as fragment; '' if nowhere."""
    row = connection.execute(
        select(File.url, Place.fragment)
        .join(File, File.id == Place.file_id)
        .where(Place.blob_id == blob_id)
        .order_by(Place.id)
        .limit(1)
    ).first()
    return "" if row is None else file_fragment(row[0], row[1])


def url_of_image(connection: Connection, image_id: int) -> str:
    """Return a URL where the image was seen; '' if nowhere."""
    query = text("SELECT url FROM image_catalog WHERE image_id = :id ORDER BY sighting_id LIMIT 1")
    return connection.scalar(query, {"id": image_id}) or ""


def file_fragment(url: str, fragment: str) -> str:
    """Join a file's URL and a fragment."""
    return f"{url}#{fragment}" if fragment else url
