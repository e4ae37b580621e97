/* zip (PKWARE APPNOTE 6.3), read as a stream: entry after entry up to the central directory, which says nothing that
 * the local headers have not said. Firehose writes one deflated entry with a data descriptor.
 *
 *   "PK\3\4" version(2) flags(2) method(2) time(2) date(2) CRC(4) packed(4) unpacked(4) name length(2) extra length(2)
 *   name, extra area, data, and with flag 3 a data descriptor: ["PK\7\8"] CRC(4) packed(4 or 8) unpacked(4 or 8) */
#include <string.h>

#include "parsers/inflate_internal.h"

enum { FLAG_ENCRYPTED = 1 << 0, FLAG_DESCRIPTOR = 1 << 3, FLAG_PATCH = 1 << 5, FLAG_MASKED = 1 << 13 };
enum { METHOD_STORED = 0, METHOD_DEFLATED = 8 };
enum { EXTRA_ZIP64 = 1 };

static const uint32_t LOCAL_HEADER = 0x04034b50, CENTRAL_HEADER = 0x02014b50, END_RECORD = 0x06054b50,
                      END_RECORD_64 = 0x06064b50, DESCRIPTOR = 0x08074b50;

enum { LOCAL_HEADER_LEN = 30, DESCRIPTOR_MAX = 24, SIGNATURE_LEN = 4 };

enum zip_part {
    ZIP_SIGNATURE,
    ZIP_LOCAL_HEADER,
    ZIP_NAME,
    ZIP_EXTRA,      /* a field's header: id(2) length(2) */
    ZIP_EXTRA_SKIP, /* the rest of a field */
    ZIP_EXTRA_64,
    ZIP_DEFLATED,
    ZIP_STORED,
    ZIP_DESCRIPTOR,
    ZIP_REST, /* the central directory and what follows: of no interest */
};

void zip_begin(struct inflate *z) {
    z->zip = (struct zip_state){.state = ZIP_SIGNATURE};
    z->part = "an entry's header";
}

static unsigned long long zip_entry(const struct inflate *z) {
    return (unsigned long long)z->zip.entries + 1;
}

static enum inflate_run zip_read_signature(struct inflate *z, struct inflate_io *io) {
    if (!inflate_collect(z, io, SIGNATURE_LEN))
        return RUN_NEED_INPUT;
    uint32_t signature = inflate_le32(z->head);
    if (signature == LOCAL_HEADER) {
        z->zip.state = ZIP_LOCAL_HEADER;
    } else if (signature == CENTRAL_HEADER || signature == END_RECORD || signature == END_RECORD_64) {
        z->zip.state = ZIP_REST;
        z->head_len = 0;
        z->may_end = true;
    } else {
        return inflate_fail(z, io, "neither an entry nor the central directory follows entry %llu",
                            (unsigned long long)z->zip.entries);
    }
    return RUN_ON;
}

static enum inflate_run zip_read_local_header(struct inflate *z, struct inflate_io *io) {
    if (!inflate_collect(z, io, LOCAL_HEADER_LEN))
        return RUN_NEED_INPUT;
    struct zip_state *zip = &z->zip;
    const uint8_t *h = z->head;
    zip->flags = inflate_le16(h + 6);
    zip->method = inflate_le16(h + 8);
    zip->crc = inflate_le32(h + 14);
    zip->packed_size = inflate_le32(h + 18);
    zip->unpacked_size = inflate_le32(h + 22);
    zip->skip = inflate_le16(h + 26);
    zip->extra_left = inflate_le16(h + 28);
    z->head_len = 0;
    if (zip->flags & (FLAG_ENCRYPTED | FLAG_MASKED))
        return inflate_fail(z, io, "entry %llu is encrypted", zip_entry(z));
    if (zip->flags & FLAG_PATCH)
        return inflate_fail(z, io, "entry %llu is a patch", zip_entry(z));
    if (zip->method != METHOD_STORED && zip->method != METHOD_DEFLATED)
        return inflate_fail(z, io, "entry %llu is compressed by method %u; only deflate (8) and stored (0) are read",
                            zip_entry(z), zip->method);
    zip->state = ZIP_NAME;
    return RUN_ON;
}

static void zip_begin_body(struct inflate *z, const struct inflate_io *io) {
    struct zip_state *zip = &z->zip;
    inflate_body_begin(z);
    zip->body_at = inflate_position(z, io);
    zip->stored_left = zip->packed_size;
    zip->state = zip->method == METHOD_DEFLATED ? ZIP_DEFLATED : ZIP_STORED;
    z->part = "an entry's data";
}

/* One field of the extra area: only the zip64 one, which has the sizes that do not fit the header, is looked at. */
static enum inflate_run zip_read_extra(struct inflate *z, struct inflate_io *io) {
    struct zip_state *zip = &z->zip;
    if (zip->extra_left < 4) { /* some writers pad */
        zip->skip = zip->extra_left;
        zip->extra_left = 0;
        zip->state = ZIP_EXTRA_SKIP;
        return RUN_ON;
    }
    if (!inflate_collect(z, io, 4))
        return RUN_NEED_INPUT;
    uint32_t id = inflate_le16(z->head), len = inflate_le16(z->head + 2);
    z->head_len = 0;
    zip->extra_left -= 4;
    if (len > zip->extra_left)
        len = zip->extra_left;
    zip->extra_left -= len;
    zip->skip = len;
    bool wanted =
        id == EXTRA_ZIP64 && len >= 16 && (zip->packed_size == UINT32_MAX || zip->unpacked_size == UINT32_MAX);
    zip->state = wanted ? ZIP_EXTRA_64 : ZIP_EXTRA_SKIP;
    return RUN_ON;
}

static enum inflate_run zip_read_extra_64(struct inflate *z, struct inflate_io *io) {
    if (!inflate_collect(z, io, 16))
        return RUN_NEED_INPUT;
    struct zip_state *zip = &z->zip;
    zip->unpacked_size = inflate_le64(z->head);
    zip->packed_size = inflate_le64(z->head + 8);
    zip->skip -= 16;
    z->head_len = 0;
    zip->state = ZIP_EXTRA_SKIP;
    return RUN_ON;
}

static enum inflate_run zip_skip_extra(struct inflate *z, struct inflate_io *io) {
    struct zip_state *zip = &z->zip;
    if (!inflate_skip(z, io, &zip->skip))
        return RUN_NEED_INPUT;
    if (zip->extra_left)
        zip->state = ZIP_EXTRA;
    else
        zip_begin_body(z, io);
    return RUN_ON;
}

static void zip_end_entry(struct inflate *z) {
    z->zip.entries++;
    z->zip.state = ZIP_SIGNATURE;
    z->part = "an entry's header, or before the central directory";
}

static enum inflate_run zip_end_body(struct inflate *z, const struct inflate_io *io) {
    struct zip_state *zip = &z->zip;
    uint64_t packed = inflate_position(z, io) - zip->body_at;
    if (zip->flags & FLAG_DESCRIPTOR) {
        zip->packed_size = packed; /* what the descriptor must say */
        zip->state = ZIP_DESCRIPTOR;
        z->part = "an entry's data descriptor";
        return RUN_ON;
    }
    if (z->body_crc != zip->crc)
        return inflate_fail(z, io, "the data of entry %llu does not match its checksum", zip_entry(z));
    if (packed != zip->packed_size || z->body_len != zip->unpacked_size)
        return inflate_fail(z, io, "the data of entry %llu is not as long as its header says", zip_entry(z));
    zip_end_entry(z);
    return RUN_ON;
}

static enum inflate_run zip_read_deflated(struct inflate *z, struct inflate_io *io) {
    switch (inflate_body_run(z, io)) {
    case DEFLATE_NEED_INPUT:
        return RUN_NEED_INPUT;
    case DEFLATE_BAD:
        return inflate_fail(z, io, "the data of entry %llu cannot be decoded", zip_entry(z));
    case DEFLATE_END:
        return zip_end_body(z, io);
    case DEFLATE_OUTPUT_FULL:
        break;
    }
    return RUN_ON;
}

static enum inflate_run zip_read_stored(struct inflate *z, struct inflate_io *io) {
    struct zip_state *zip = &z->zip;
    size_t n = (size_t)(io->in_end - io->in), room = (size_t)(io->out_end - io->out);
    if (n > room)
        n = room;
    if (n > zip->stored_left)
        n = (size_t)zip->stored_left;
    memcpy(io->out, io->in, n);
    z->body_crc = inflate_crc32(z->body_crc, io->out, n);
    z->body_len += n;
    zip->stored_left -= n;
    io->in += n;
    io->out += n;
    if (zip->stored_left == 0)
        return zip_end_body(z, io);
    return io->out < io->out_end ? RUN_NEED_INPUT : RUN_ON;
}

static bool zip_is_signature(const uint8_t *p) {
    uint32_t s = inflate_le32(p);
    return s == LOCAL_HEADER || s == CENTRAL_HEADER || s == END_RECORD || s == END_RECORD_64;
}

/* The descriptor has four forms and does not say which: the signature may be left out, sizes have 4 or 8 bytes. The
 * right one agrees with the data and is followed by a header. Something longer always follows, so that reading the
 * longest form and that header's signature takes nothing that is not there. */
static enum inflate_run zip_read_descriptor(struct inflate *z, struct inflate_io *io) {
    if (!inflate_collect(z, io, DESCRIPTOR_MAX + SIGNATURE_LEN))
        return RUN_NEED_INPUT;
    for (unsigned form = 0; form < 4; form++) {
        bool wide = form & 1;
        const uint8_t *p = z->head;
        if (form < 2) {
            if (inflate_le32(p) != DESCRIPTOR)
                continue;
            p += SIGNATURE_LEN;
        }
        uint64_t packed = wide ? inflate_le64(p + 4) : inflate_le32(p + 4);
        uint64_t unpacked = wide ? inflate_le64(p + 12) : inflate_le32(p + 8);
        /* Writers that never heard of zip64 let the sizes wrap. */
        uint64_t mask = wide ? UINT64_MAX : UINT32_MAX;
        const uint8_t *end = p + (wide ? 20 : 12);
        if (inflate_le32(p) != z->body_crc || packed != (z->zip.packed_size & mask) ||
            unpacked != (z->body_len & mask) || !zip_is_signature(end))
            continue;
        inflate_put_back(z, end, z->head_len - (unsigned)(end - z->head));
        z->head_len = 0;
        zip_end_entry(z);
        return RUN_ON;
    }
    if (z->zip.method == METHOD_STORED)
        return inflate_fail(z, io, "entry %llu is stored, with a size that its header does not give or other data",
                            zip_entry(z));
    return inflate_fail(z, io, "the data of entry %llu does not match its checksum or sizes", zip_entry(z));
}

enum inflate_run zip_run(struct inflate *z, struct inflate_io *io) {
    switch ((enum zip_part)z->zip.state) {
    case ZIP_SIGNATURE:
        return zip_read_signature(z, io);
    case ZIP_LOCAL_HEADER:
        return zip_read_local_header(z, io);
    case ZIP_NAME: /* passed over like an extra field */
    case ZIP_EXTRA_SKIP:
        return zip_skip_extra(z, io);
    case ZIP_EXTRA:
        return zip_read_extra(z, io);
    case ZIP_EXTRA_64:
        return zip_read_extra_64(z, io);
    case ZIP_DEFLATED:
        return zip_read_deflated(z, io);
    case ZIP_STORED:
        return zip_read_stored(z, io);
    case ZIP_DESCRIPTOR:
        return zip_read_descriptor(z, io);
    case ZIP_REST:
        z->back_len = 0;
        io->in = io->in_end;
        return RUN_NEED_INPUT;
    }
    return RUN_FAILED;
}
