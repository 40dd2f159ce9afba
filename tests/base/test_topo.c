#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/dist.h"
#include "base/error.h"
#include "base/topo.h"

static struct arena arena;

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static struct topo parse(const char *text)
{
    struct topo topo;
    struct error err;
    if (topo_parse(&topo, text, strlen(text), NULL, 0, &arena, &err) != 0)
        fail_msg("%s: %s", text, err.text);
    return topo;
}

static void assert_refused(const char *text, const char *sentence, enum error_code code)
{
    struct topo topo, before;
    struct error err = {0};
    memset(&topo, 0x5a, sizeof topo);
    memcpy(&before, &topo, sizeof topo);
    if (topo_parse(&topo, text, strlen(text), NULL, 0, &arena, &err) == 0)
        fail_msg("%s is accepted", text);
    assert_string_equal(err.text, sentence);
    assert_int_equal(err.code, code);
    assert_memory_equal(&topo, &before, sizeof topo);
}

struct refusal {
    const char *text, *sentence;
    enum error_code code;
};

static void assert_all_refused(const struct refusal *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_refused(rows[i].text, rows[i].sentence, rows[i].code);
}
#define ALL(rows) (rows), sizeof(rows) / sizeof(rows)[0]

/* ---- what is refused, and how it is said ---- */

#define NAME_40 "a23456789_b23456789_c23456789_d23456789_"

static void test_topo_refuses_what_its_table_does_not_take(void **state)
{
    static const struct refusal rows[] = {
        {"{}", "key \"countries\" is missing", ERR_MISSING},
        {"[]", "expected object, got array", ERR_TYPE},
        {"", "line 1, column 1: expected a value, got the end", ERR_SYNTAX},
        {"{\"countries\": []}", "countries: expected 1 or more items, got 0", ERR_RANGE},
        {"{\"countries\": {}}", "countries: expected 1 or more items, got 0", ERR_RANGE},
        {"{\"countries\": \"GB\"}", "countries: expected object, got string", ERR_TYPE},
        {"{\"countries\": [\"GB\", 3]}", "countries[1]: expected string, got number", ERR_TYPE},
        {"{\"countries\": [\"GB\", \"GB\"]}", "countries: key \"GB\" is given twice",
         ERR_DUPLICATE},
        {"{\"countries\": [\"GB\"], \"cels\": {}}", "cels: unknown key; did you mean \"cells\"?",
         ERR_UNKNOWN},
        {"{\"countries\": {\"GB\": {\"requests_per_customer_day\": -1}}}",
         "countries.GB.requests_per_customer_day: expected 0.001..1000000, got -1", ERR_RANGE},
        {"{\"countries\": {\"GB\": {\"customers\": 0}}}",
         "countries.GB.customers: expected 1..1000000000000, got 0", ERR_RANGE},
        {"{\"countries\": {\"GB\": {\"customers\": 1.5}}}",
         "countries.GB.customers: expected a whole number, got 1.5", ERR_TYPE},
        {"{\"countries\": {\"GB\": {\"customers\": 1e400}}}",
         "countries.GB.customers: expected 1..1000000000000, got one beyond all doubles",
         ERR_RANGE},
        {"{\"countries\": {\"GB\": {\"peak_rps\": 0}}}",
         "countries.GB.peak_rps: expected 0.001..1000000000, got 0", ERR_RANGE},
        {"{\"countries\": {\"" NAME_40 "1\": {}}}",
         "countries: \"" NAME_40 "...\" is not a name: 1 to 40 letters, digits, '_' and '-'",
         ERR_SYNTAX},
        {"{\"countries\": [\"GB\"], \"cells\": {\"\": {}}}",
         "cells: \"\" is not a name: 1 to 40 letters, digits, '_' and '-'", ERR_SYNTAX},
        {"{\"countries\": [\"GB\"], \"cells\": {\"gb\": {\"zones\": []}}}",
         "cells.gb.zones: expected 1 or more items, got 0", ERR_RANGE},
        {"{\"countries\": [\"GB\"], \"cells\": {\"gb\": {\"zones\": [1]}}}",
         "cells.gb.zones[0]: expected string, got number", ERR_TYPE},
        {"{\"countries\": [\"GB\"], \"cells\": {\"gb\": {\"countries\": []}}}",
         "cells.gb.countries: expected 1 or more items, got 0", ERR_RANGE},
        {"{\"countries\": [\"GB\"], \"cells\": {\"gb\": {\"zone_rtt\": \"0\"}}}",
         "cells.gb.zone_rtt: expected 1us..10s, got 0s", ERR_RANGE},
        {"{\"countries\": [\"GB\"], \"cells\": {\"gb\": {\"zone_rtt\": 5}}}",
         "cells.gb.zone_rtt: expected a duration such as \"250ms\", got number", ERR_TYPE},
        {"{\"countries\": [\"GB\"], \"services\": {}}", "services: expected 1 or more items, got 0",
         ERR_RANGE},
        {"{\"countries\": [\"GB\"], \"services\": {\"x\": {\"time\": \"0s\"}}}",
         "services.x.time: expected 1us..1h, got 0s", ERR_RANGE},
        {"{\"countries\": [\"GB\"], \"services\": {\"x\": {\"share\": 0}}}",
         "services: no service has a share of the requests", ERR_RANGE},
        {"{\"countries\": [\"GB\"], \"services\": {\"x\": {\"spread\": \"wide\"}}}",
         "services.x.spread: expected one of \"exponential\", \"fixed\", \"lognormal\", \"gamma\", "
         "\"pareto\", \"hyperexponential\", \"weibull\", \"empirical\"; got \"wide\"",
         ERR_UNKNOWN},
        {"{\"countries\": [\"GB\"], \"target_utilisation\": 0}",
         "target_utilisation: expected 0.01..1, got 0", ERR_RANGE},
        {"{\"countries\": [\"GB\"], \"policy\": {\"tries\": 0}}",
         "policy.tries: expected 1..10, got 0", ERR_RANGE},
    };
    (void)state;
    assert_all_refused(ALL(rows));
}

static void test_topo_refuses_countries_that_make_no_sense(void **state)
{
    static const struct refusal rows[] = {
        {"{\"countries\": [\"GB\", \"UK\"]}",
         "countries.UK: unknown country; use ISO 3166 codes in capitals, such as DE or GB",
         ERR_UNKNOWN},
        {"{\"countries\": [\"de\"]}",
         "countries.de: unknown country; use ISO 3166 codes in capitals, such as DE or GB",
         ERR_UNKNOWN},
        {"{\"countries\": [\"VA\"]}",
         "countries.VA.customers: how many internet users Vatican City has is not known; give the "
         "customers",
         ERR_MISSING},
        {"{\"countries\": {\"XK\": {\"customers\": 5}}}",
         "countries.XK.utc_offset: the local time of Kosovo is not known; give the utc_offset",
         ERR_MISSING},
        {"{\"countries\": {\"GB\": {\"curve\": \"retail/XX\"}}}",
         "countries.GB.curve: no curve \"retail/XX\"; flat, retail/ALL and nyc-taxi are some that "
         "exist",
         ERR_UNKNOWN},
        {"{\"countries\": {\"GB\": {\"curve\": \"\"}}}",
         "countries.GB.curve: no curve \"\"; flat, retail/ALL and nyc-taxi are some that exist",
         ERR_UNKNOWN},
        {"{\"countries\": {\"GB\": {\"curve\": \"" NAME_40 NAME_40 "\"}}}",
         "countries.GB.curve: no curve \"" NAME_40 "...\"; flat, retail/ALL and nyc-taxi are some "
         "that exist",
         ERR_UNKNOWN},
        {"{\"countries\": {\"GB\": {\"hours\": [1]}}}",
         "countries.GB.hours: expected 24 or more items, got 1", ERR_RANGE},
        {"{\"countries\": {\"GB\": {\"hours\": [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]"
         "}}}",
         "countries.GB.hours: expected 24 or 168 numbers, got 25", ERR_RANGE},
        {"{\"countries\": {\"GB\": {\"hours\": [0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]"
         "}}}",
         "countries.GB.hours: expected a weight of 1e-9 or more, got none", ERR_RANGE},
        {"{\"countries\": {\"GB\": {\"hours\": [0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,"
         "1e-320]}}}",
         "countries.GB.hours: expected a weight of 1e-9 or more, got none", ERR_RANGE},
        {"{\"countries\": {\"GB\": {\"hours\": [0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,-1]"
         "}}}",
         "countries.GB.hours[23]: expected 0..1000000000000, got -1", ERR_RANGE},
        {"{\"countries\": {\"GB\": {\"curve\": \"flat\", \"hours\": "
         "[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1]}}}",
         "countries.GB: give curve or hours, not both", ERR_CONFLICT},
    };
    (void)state;
    assert_all_refused(ALL(rows));
}

static void test_topo_refuses_offsets_that_no_clock_has(void **state)
{
    static const char *const offsets[] = {"",       "0",      "+1:00",   "+01:60", "+01:75",
                                          "+15:00", "-14:15", "+01:07",  "01:00",  "+0100",
                                          "+01-00", "*01:00", "+01:00 ", "+ 1:00", "+0x:00"};
    (void)state;
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        const char *text =
            arena_format(&arena, "{\"countries\": {\"GB\": {\"utc_offset\": \"%s\"}}}", offsets[i]);
        const char *sentence =
            arena_format(&arena,
                         "countries.GB.utc_offset: expected a multiple of 15 minutes from -14:00 "
                         "to +14:00, got \"%s\"",
                         offsets[i]);
        assert_refused(text, sentence, ERR_RANGE);
    }
}

static void test_topo_refuses_cells_that_do_not_fit(void **state)
{
    static const struct refusal rows[] = {
        {"{\"countries\": [\"GB\"], \"cells\": [\"north\"]}",
         "cells.north: a cell for no country; list its countries", ERR_MISSING},
        {"{\"countries\": [\"GB\"], \"cells\": [\"fr\"]}",
         "cells.fr: a cell for no country; list its countries", ERR_MISSING},
        {"{\"countries\": [\"GB\"], \"cells\": {\"gb\": {\"countries\": [\"GB\", \"FR\"]}}}",
         "cells.gb.countries[1]: \"FR\" is not among the countries", ERR_UNKNOWN},
        {"{\"countries\": [\"GB\", \"FR\"], \"cells\": {\"west\": {\"countries\": [\"GB\", "
         "\"FR\"]}, \"fr\": {}}}",
         "cells.fr.countries[0]: FR is in cell west already", ERR_CONFLICT},
        {"{\"countries\": [\"GB\"], \"cells\": {\"gb\": {\"countries\": [\"GB\", \"GB\"]}}}",
         "cells.gb.countries[1]: GB is in cell gb already", ERR_CONFLICT},
        {"{\"countries\": [\"GB\", \"FR\"], \"cells\": {\"gb\": {\"countries\": [\"FR\"]}}}",
         "cells.gb: is called like GB but does not serve it, and no other cell does", ERR_CONFLICT},
        {"{\"countries\": [\"GB\"], \"cells\": {\"gb\": {\"region\": \"eu-west-2\"}}}",
         "cells.gb.region: no region \"eu-west-2\"; write provider/region, as aws/eu-central-1",
         ERR_UNKNOWN},
        {"{\"countries\": [\"GB\"], \"cells\": {\"gb\": {\"zones\": [\"a\", \"b\", \"a\"]}}}",
         "cells.gb.zones[2]: zone a is given twice", ERR_DUPLICATE},
        {"{\"countries\": [\"GB\"], \"cells\": {\"gb\": {\"zones\": [\"A\"]}}}",
         "cells.gb.zones[0]: expected 1 to 20 small letters, digits and '_', got \"A\"", ERR_RANGE},
        {"{\"countries\": [\"GB\"], \"cells\": {\"gb\": {\"zones\": [\"a\", \"\"]}}}",
         "cells.gb.zones[1]: expected 1 to 20 small letters, digits and '_', got \"\"", ERR_RANGE},
        {"{\"countries\": [\"GB\"], \"cells\": {\"gb\": {\"zones\": [\"a23456789_b23456789_c\"]}}}",
         "cells.gb.zones[0]: expected 1 to 20 small letters, digits and '_', got "
         "\"a23456789_b23456789_c\"",
         ERR_RANGE},
        {"{\"countries\": [\"GB\"], \"cells\": {\"gb\": {\"zones\": "
         "[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\"]}}}",
         "cells.gb.region: no region in the tables has 7 zones; name one", ERR_MISSING},
        {"{\"countries\": [\"GB\"], \"tolerance\": {\"zones\": 3}}",
         "tolerance.zones: cell gb has 3 zones, so 3 cannot be lost; give it 4, or tolerate the "
         "loss of 2",
         ERR_CONFLICT},
        {"{\"countries\": [\"GB\"], \"cells\": {\"gb\": {\"zones\": [\"a\"]}}}",
         "tolerance.zones: cell gb has 1 zone, so 1 cannot be lost; give it 2, or tolerate the "
         "loss of 0",
         ERR_CONFLICT},
        {"{\"countries\": [\"GB\"], \"services\": {\"x\": {\"codel_target\": \"201ms\"}}}",
         "services.x.codel_target: expected at most the codel_interval", ERR_CONFLICT},
    };
    (void)state;
    assert_all_refused(ALL(rows));
}

static void test_topo_errors_do_not_reach_the_terminal(void **state)
{
    (void)state;
    assert_refused("{\"countries\": {\"GB\": {\"curve\": \"\\u001b[2J\"}}}",
                   "countries.GB.curve: no curve \"\\x1b[2J\"; flat, retail/ALL and nyc-taxi are "
                   "some that exist",
                   ERR_UNKNOWN);
}

/* ---- what is left out ---- */

static void test_topo_smallest_is_one_country(void **state)
{
    (void)state;
    struct topo t = parse("{\"countries\": [\"GB\"]}");
    assert_int_equal(t.country_count, 1);
    const struct topo_country *gb = &t.countries[0];
    assert_string_equal(gb->name, "GB");
    assert_int_equal(gb->customers, 660008); /* 1 % of 66 000 899 */
    assert_true(gb->requests_per_customer_day == 10);
    assert_string_equal(gb->curve, "retail/GB");
    assert_int_equal(gb->utc_offset_min, 0);
    assert_int_equal(gb->cell, 0);
    assert_int_equal(t.cell_count, 1);
    const struct topo_cell *cell = &t.cells[0];
    assert_string_equal(cell->name, "gb");
    assert_int_equal(cell->country_count, 1);
    assert_string_equal(cell->countries[0], "GB");
    assert_int_equal(cell->country[0], 0);
    assert_string_equal(cell->region, "aws/eu-west-2");
    assert_int_equal(cell->zone_count, 3);
    assert_string_equal(cell->zones[2], "c");
    assert_int_equal(cell->servers_per_zone, 0);
    assert_int_equal(cell->zone_rtt_us, 1119);
    assert_int_equal(cell->client_rtt_us[0], 9000);
    assert_int_equal(t.service_count, 4);
    assert_true(t.share_sum == 100);
    assert_string_equal(t.services[2].name, "order");
    assert_int_equal(t.services[2].time_us, 40000);
    assert_int_equal(t.services[2].spread, DIST_EXPONENTIAL);
    assert_true(topo_share(&t, 0) == 0.6);
    assert_int_equal(t.tolerance.zones, 1);
    assert_int_equal(t.tolerance.servers, 1);
    assert_true(t.target_utilisation == 0.7);
    assert_int_equal(t.policy.timeout_us, 1000000);
    assert_int_equal(t.policy.tries, 2);
    assert_int_equal(t.policy.eject_us, 10000000);
    assert_null(t.about);
}

static void test_topo_services_that_are_left_out_have_the_presets_of_a_file(void **state)
{
    (void)state;
    struct topo t = parse("{\"countries\": [\"GB\"]}");
    struct topo of_file = parse("{\"countries\": [\"GB\"], \"services\": [\"x\"]}");
    const struct topo_service *x = &of_file.services[0];
    for (size_t i = 0; i < t.service_count; i++) {
        const struct topo_service *s = &t.services[i];
        assert_int_equal(s->concurrency, x->concurrency);
        assert_int_equal(s->queue, x->queue);
        assert_int_equal(s->discipline, x->discipline);
        assert_int_equal(s->codel_target_us, x->codel_target_us);
        assert_int_equal(s->codel_interval_us, x->codel_interval_us);
        assert_int_equal(s->drop_late, x->drop_late);
        assert_true(s->background == x->background);
    }
    assert_int_equal(x->discipline, TOPO_FIFO);
    assert_int_equal(x->codel_target_us, 20000);
    assert_int_equal(x->codel_interval_us, 200000);
    assert_false(x->drop_late);
    assert_true(x->background == 0);
}

static void test_topo_defaults_are_looked_up(void **state)
{
    (void)state;
    struct topo t = parse("{\"countries\": [\"DE\", \"US\", \"NP\", \"FJ\"],"
                          " \"cells\": {\"np\": {\"region\": \"gcp/asia-south1\"},"
                          "             \"DE\": {}}}");
    /* Cells of the file first, in its order; then those of the countries that have none. */
    assert_int_equal(t.cell_count, 4);
    assert_string_equal(t.cells[0].name, "np");
    assert_string_equal(t.cells[1].name, "DE");
    assert_string_equal(t.cells[2].name, "us");
    assert_string_equal(t.cells[3].name, "fj");
    assert_int_equal(topo_cell_at(&t, "us"), 2);
    assert_int_equal(topo_cell_at(&t, "de"), 4);
    assert_int_equal(topo_country_at(&t, "NP"), 2);
    assert_int_equal(topo_country_at(&t, "GB"), 4);
    assert_int_equal(t.countries[0].cell, 1);
    assert_string_equal(t.cells[1].region, "aws/eu-central-1");
    assert_string_equal(t.countries[0].curve, "retail/DE");
    assert_string_equal(t.countries[1].curve, "retail/ALL");
    assert_int_equal(t.cells[1].zone_rtt_us, 954);
    assert_int_equal(t.cells[0].zone_rtt_us, 1015); /* gcp: not measured */
    assert_int_equal(strncmp(t.cells[2].region, "aws/us-", 7), 0);
    /* From Fiji nobody measured; 2,700 to 3,400 km to Sydney. */
    assert_in_range(t.cells[3].client_rtt_us[0], 28000 + 2700 * 19, 28000 + 3400 * 19);
    struct topo own = parse("{\"countries\": {\"XK\": {\"customers\": 7, \"utc_offset\": "
                            "\"+01:00\"}}, \"cells\": {\"xk\": {\"zone_rtt\": \"1us\","
                            "\"zones\": [\"x\"]}}, \"tolerance\": {\"zones\": 0}}");
    assert_int_equal(own.countries[0].customers, 7);
    assert_int_equal(own.cells[0].zone_rtt_us, 1);
}

static void test_topo_keeps_the_order_of_the_countries(void **state)
{
    (void)state;
    struct topo t = parse("{\"countries\": [\"SE\", \"AT\", \"GB\", \"BE\"],"
                          " \"cells\": {\"all\": {\"countries\": [\"GB\", \"SE\", \"BE\","
                          " \"AT\"]}}}");
    static const char *const want[] = {"SE", "AT", "GB", "BE"};
    static const size_t cell[] = {2, 0, 3, 1};
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(t.countries[i].name, want[i]);
        assert_int_equal(t.countries[i].cell, 0);
        assert_int_equal(t.cells[0].country[i], cell[i]);
    }
    double sum = 0;
    for (size_t i = 0; i < 4; i++)
        sum += t.countries[cell[i]].rps[50];
    assert_true(topo_cell_rps(&t, &t.cells[0], 50) == sum);
}

static void test_topo_takes_sets_as_if_they_were_in_the_file(void **state)
{
    static const char text[] = "{\"countries\": [\"DE\"]}";
    static const struct json_set sets[] = {{"countries.DE.customers", "5"},
                                           {"cells.de.region", "aws/eu-west-1"}};
    static const struct json_set bad = {"cells.de.servers_per_zone", "-1"};
    struct topo topo;
    struct error err;
    (void)state;
    assert_int_equal(topo_parse(&topo, text, sizeof text - 1, sets, 2, &arena, &err), 0);
    assert_int_equal(topo.countries[0].customers, 5);
    assert_string_equal(topo.cells[0].region, "aws/eu-west-1");
    assert_int_equal(topo_parse(&topo, text, sizeof text - 1, &bad, 1, &arena, &err), -1);
    assert_string_equal(err.text, "cells.de.servers_per_zone: expected 0..100000, got -1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_topo_refuses_what_its_table_does_not_take, release),
        cmocka_unit_test_teardown(test_topo_refuses_countries_that_make_no_sense, release),
        cmocka_unit_test_teardown(test_topo_refuses_offsets_that_no_clock_has, release),
        cmocka_unit_test_teardown(test_topo_refuses_cells_that_do_not_fit, release),
        cmocka_unit_test_teardown(test_topo_errors_do_not_reach_the_terminal, release),
        cmocka_unit_test_teardown(test_topo_smallest_is_one_country, release),
        cmocka_unit_test_teardown(test_topo_services_that_are_left_out_have_the_presets_of_a_file,
                                  release),
        cmocka_unit_test_teardown(test_topo_defaults_are_looked_up, release),
        cmocka_unit_test_teardown(test_topo_keeps_the_order_of_the_countries, release),
        cmocka_unit_test_teardown(test_topo_takes_sets_as_if_they_were_in_the_file, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
