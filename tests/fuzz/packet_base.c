// SPDX-License-Identifier: GPL-2.0-or-later
/* BASE under a name of its own, to be linked with other plugins. */
#define ulogd_plugin plugin_base
#include "ulogd_raw2packet_BASE.c"
