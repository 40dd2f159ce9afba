/* demo_live.h - the live half of the demo: the three countries as processes, a zone killed. */
#ifndef COMMANDS_DEMO_LIVE_H
#define COMMANDS_DEMO_LIVE_H

/* Bring three cells up in a temporary folder, fill them, replay real orders with reads beside, kill
 * zone de/a half-way, count the orders, simulate the same, print both, and take all down. `folder`
 * holds three-countries.json, zone-loss-at-peak.json and data/. The exit status: EXIT_YES when all
 * went as told, EXIT_NO when not, EXIT_MISUSE when it could not be done; said on stderr. */
int demo_live(const char *folder);

#endif
