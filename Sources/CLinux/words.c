/* The shim's command line, as Shim/Arguments.swift reads it: flags in the manner of Go's flag package, then the verb. What is wrong with it is
 * for that to say. */
#include "bare.h"

BARE static int begins(const char *word, const char *name, const char **value) {
    while (*name && *word == *name) word++, name++;
    if (*name || (*word && *word != '=')) return 0;
    *value = *word ? word + 1 : 0;
    return 1;
}

BARE const char *clx_bare_verb(char **words, const char **bundle) {
    int has_id = 0, has_namespace = 0;
    *bundle = 0;
    for (char **word = words; *word; word++) {
        if (**word != '-') return !word[1] && has_id && has_namespace ? *word : 0;
        const char *name = *word + ((*word)[1] == '-' ? 2 : 1), *value = 0;
        if (begins(name, "debug", &value)) continue;
        int is_id = begins(name, "id", &value), is_namespace = !is_id && begins(name, "namespace", &value);
        int is_bundle = !is_id && !is_namespace && begins(name, "bundle", &value);
        if (!is_id && !is_namespace && !is_bundle && !begins(name, "address", &value) && !begins(name, "publish-binary", &value)) return 0;
        if (!value) value = *++word;
        if (!value) return 0;
        if (is_id) has_id = *value != 0;
        if (is_namespace) has_namespace = *value != 0;
        if (is_bundle) *bundle = value;
    }
    return 0;
}
