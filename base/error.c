#include "base/error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Bytes of the character that begins at `in`, by its first byte; never beyond the NUL. */
static size_t char_bytes(const char *in)
{
    unsigned char lead = (unsigned char)*in;
    size_t bytes = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    return strnlen(in, bytes);
}

/* ASCII's controls, DEL, and those of U+0080..U+009F. */
static bool is_control(const char *in, size_t bytes)
{
    unsigned char c = (unsigned char)in[0];
    return c < 0x20 || c == 0x7f || (bytes == 2 && c == 0xc2 && (unsigned char)in[1] < 0xa0);
}

/* Texts quote what users wrote, and a file may hold escape sequences: show them, do not obey. What
 * does not fit is cut between characters and ends in "...". */
static void copy_visible(char *out, size_t size, const char *in)
{
    static const char hex[] = "0123456789abcdef";
    size_t used = 0, cut = 0; /* `cut`: how much may stay when "..." has to follow */
    for (size_t bytes; *in != '\0'; in += bytes) {
        bytes = char_bytes(in);
        bool control = is_control(in, bytes);
        size_t width = control ? 4 * bytes : bytes;
        if (used + 3 < size)
            cut = used;
        if (used + width >= size) {
            memcpy(out + cut, "...", 3);
            used = cut + 3;
            break;
        }
        for (size_t i = 0; i < bytes; i++) {
            unsigned char c = (unsigned char)in[i];
            if (control) {
                out[used++] = '\\';
                out[used++] = 'x';
                out[used++] = hex[c >> 4];
                out[used++] = hex[c & 15];
            } else {
                out[used++] = (char)c;
            }
        }
    }
    out[used] = '\0';
}

int error_set(struct error *err, enum error_code code, const char *format, ...)
{
    char text[2 * sizeof err->text];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0)
        text[0] = '\0';
    err->code = code;
    copy_visible(err->text, sizeof err->text, text);
    return -1;
}

int error_prefix(struct error *err, const char *format, ...)
{
    char text[2 * sizeof err->text];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t used = n < 0 ? 0 : strlen(text);
    snprintf(text + used, sizeof text - used, ": %s", err->text);
    copy_visible(err->text, sizeof err->text, text);
    return -1;
}

int error_memory(struct error *err)
{
    return error_set(err, ERR_MEMORY, "no memory left");
}
