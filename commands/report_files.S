/* What a report brings along, as bytes in the program: its own style and script, and Chart.js as
 * Debian packages it. Each symbol has its end behind it. */
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

    file report_css, "commands/report/report.css"
    file report_js, "commands/report/report.js"
    file report_chart_js, "/usr/share/javascript/chart.js/chart.min.js"
    file report_chart_licence, "commands/report/chart-licence.txt"

    .section .note.GNU-stack, "", %progbits
