/* Times as AWS writes them. */
#ifndef AWS_DATE_H
#define AWS_DATE_H

#include <stdbool.h>
#include <stdint.h>

/* "2026-11-20T08:15:30Z", with a fraction or "+01:00" too, in ms since 1970. False: it is no such time. */
bool date_parse_iso(const char *text, int64_t *ms);

/* "Fri, 20 Nov 2026 08:15:30 GMT" (RFC 9110, 5.6.7, the form that is sent today). */
bool date_parse_http(const char *text, int64_t *ms);

#endif
