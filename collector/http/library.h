/* What servers share in dealing with libmicrohttpd. */
#ifndef HTTP_LIBRARY_H
#define HTTP_LIBRARY_H

#include <stdarg.h>

/* For MHD_OPTION_EXTERNAL_LOGGER. */
__attribute__((format(printf, 2, 0))) void http_library_log(void *context, const char *format, va_list values);

#endif
