#include "parsers/knowledge.h"

#include <stdlib.h>

#include "core/alloc.h"

struct knowledge *knowledge_create(const struct provider_table *providers, const struct knowledge_files *files,
                                   struct err *err) {
    struct knowledge *k = alloc_zeroed(1, sizeof *k);
    k->hosts = mail_hosts_create(providers);
    k->hosted = hosted_create(k->hosts, providers);
    k->visitors = visitors_create();
    k->rules = bounce_rules_create(files->bounce_rules, providers, err);
    bool ok = k->rules != NULL;
    if (ok && files->mx_table)
        ok = (k->mx = mx_table_load(files->mx_table, k->hosts, providers, err)) != NULL;
    if (ok)
        return k;
    if (err)
        err->code = ERR_CONFIG; /* also when a file cannot be opened: the configuration names it */
    knowledge_destroy(k);
    return NULL;
}

void knowledge_destroy(struct knowledge *k) {
    if (!k)
        return;
    mx_table_destroy(k->mx);
    bounce_rules_destroy(k->rules);
    visitors_destroy(k->visitors);
    hosted_destroy(k->hosted);
    mail_hosts_destroy(k->hosts);
    free(k);
}
