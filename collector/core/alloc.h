/* Memory for the program's own structures. Running out of it ends the program with a clear line: a count that
 * went on after a lost update would be wrong in silence. What input can grow has a ceiling before it gets here. */
#ifndef CORE_ALLOC_H
#define CORE_ALLOC_H

#include <stddef.h>

void *alloc_zeroed(size_t count, size_t size);            /* returns new, zeroed; never NULL */
void *alloc_resize(void *old, size_t count, size_t size); /* returns new; takes `old`; not zeroed behind the old end */
char *alloc_string(const char *s, size_t len);            /* returns a new terminated copy */
char *alloc_copy(const char *text);                       /* the same of a whole text; NULL of NULL */
void alloc_forget(char *secret);                          /* wipes a text, and frees it; NULL is allowed */

#endif
