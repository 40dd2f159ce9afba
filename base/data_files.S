/* The files that base/data.c reads, as bytes in the program. Each symbol has its end behind it. */
    .section .rodata
    .macro file symbol, path
    .global \symbol
    .global \symbol\()_end
    .type \symbol, %object
\symbol:
    .incbin "\path"
\symbol\()_end:
    .byte 0
    .size \symbol, . - \symbol
    .endm

    file data_countries, "sim-configs/data/countries.csv"
    file data_regions, "sim-configs/data/regions.csv"
    file data_curves, "sim-configs/data/demand_curves.csv"
    file data_country_latency, "sim-configs/data/country_latency.csv"
    file data_zone_latency, "sim-configs/data/zone_latency.csv"
    file data_incidents, "sim-configs/data/incidents.csv"

    .section .note.GNU-stack, "", %progbits
