#include "http/library.h"

#include <poll.h>
#include <string.h>

#include "core/log.h"

enum { BREATH_MS = 50 };

/* Its words only, not what it puts into them: that may come from a client. Without descriptors it would try again at
 * once, for ever; here it takes a breath. */
void http_library_log(void *context, const char *format, va_list values) {
    (void)context, (void)values;
    log_event(LOG_DEBUG, "the HTTP library says", LOG_FIELDS({"words", format}));
    if (strstr(format, "resource limit")) {
        log_event(LOG_WARN, "no file descriptors left for the web server", LOG_NO_FIELDS);
        poll(NULL, 0, BREATH_MS);
    }
}
