/* keys.h - the keys of the dashboard by table, which also prints its help and its key bar. Private
 * to control/dash. */
#ifndef CONTROL_DASH_KEYS_H
#define CONTROL_DASH_KEYS_H

enum key_action {
    KEY_NOTHING,
    KEY_UP,
    KEY_DOWN,
    KEY_PAGE_UP,
    KEY_PAGE_DOWN,
    KEY_TOP,
    KEY_BOTTOM,
    KEY_ENTER,
    KEY_LEAVE,
    KEY_FREEZE,
    KEY_SLOWER,
    KEY_FASTER,
    KEY_HELP,
    KEY_QUIT,
};

enum key_bar { KEY_BAR_NONE, KEY_BAR_ALWAYS, KEY_BAR_WORLD, KEY_BAR_CELL };

struct key_row {
    enum key_action action;
    int keys[4];       /* 0 ends them */
    const char *shown; /* as help writes them */
    const char *key;   /* as the key bar writes the first of them, and what it is for */
    const char *label;
    enum key_bar bar;
    const char *doc;
};

extern const struct key_row key_rows[]; /* ended by KEY_NOTHING */

enum key_action key_action_of(int key);

#endif
