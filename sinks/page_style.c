#include "sinks/page_parts.h"

/* Colours by their meaning, light and dark. Each has at least 4.5:1 against the ground it stands on. */
static const char colours[] =
    ":root{--ground:#f6f7f8;--card:#fff;--line:#e3e6e9;--text:#1c2126;--quiet:#5f6870;--accent:#4f7cac;"
    "--pale:#c3d3e4;--good:#1d7a4a;--warn:#8f5600;--bad:#b3261e;--warn-ground:#fdf6e7;--bad-ground:#fdf0ee}\n"
    "@media(prefers-color-scheme:dark){:root{--ground:#121518;--card:#1a1e22;--line:#2a3036;--text:#dde2e6;"
    "--quiet:#98a2ab;--accent:#7fa8d4;--pale:#3c4f63;--good:#63c592;--warn:#e3ab52;--bad:#f48b80;"
    "--warn-ground:#2a2315;--bad-ground:#2e1b1a}}\n";

static const char page[] =
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--ground);color:var(--text);"
    "font:15px/1.45 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif;"
    "font-variant-numeric:tabular-nums;-webkit-text-size-adjust:100%}\n"
    "main{max-width:72rem;margin:0 auto;padding:0 1.25rem 2rem}\n"
    "h1,h2,h3,p,ul,dl,dd{margin:0;padding:0}\nul{list-style:none}\n"
    "a{color:var(--accent);text-underline-offset:.15em}\n:focus-visible{outline:2px solid var(--accent);"
    "outline-offset:2px}\n"
    "h2{font-size:1rem;font-weight:600;margin:2rem 0 .6rem}\nsmall,.quiet{color:var(--quiet);font-weight:400}\n"
    "small{font-size:.85rem;margin-left:.4rem}\nem,.none{color:var(--quiet)}\n"
    ".vh{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}\n"
    ".good{color:var(--good)}.warn{color:var(--warn)}.bad{color:var(--bad)}\n"
    "td>.warn,td>.bad,.big .warn,.big .bad{font-weight:650}\n"
    "i{font-style:normal;font-weight:700;margin-right:.3em}\n"
    "nav{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;align-items:baseline;padding:.9rem 0;font-size:.9rem}\n"
    ".asof{margin-left:auto;color:var(--quiet)}\n"
    "footer{margin-top:2.5rem;padding-top:1rem;border-top:1px solid var(--line);color:var(--quiet);"
    "font-size:.85rem}\nfooter p{max-width:60rem;margin-bottom:.5rem}\n"
    "#lost:empty{display:none}\n#lost{position:fixed;left:0;right:0;bottom:0;margin:0;padding:.7rem 1.25rem;"
    "background:var(--bad);color:var(--card);text-align:center}\n";

static const char headline[] =
    "header{background:var(--card);border:1px solid var(--line);border-left:.35rem solid currentColor;"
    "border-radius:.5rem;padding:1rem 1.25rem}\n"
    ".top{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;align-items:center;justify-content:space-between}\n"
    "h1{font-size:1.6rem;font-weight:650;line-height:1.2;display:flex;align-items:center;gap:.6rem}\n"
    ".dot{min-width:1.1rem;height:1.1rem;border-radius:.6rem;background:currentColor;display:inline-block;"
    "font-size:.8rem;line-height:1.1rem;text-align:center}\n"
    ".dot:not(:empty){background:none;font-size:1.5rem;height:auto}\n"
    ".mark,.notes{color:var(--text)}\n.notes:empty{display:none}\n.notes li{margin-top:.5rem;overflow-wrap:anywhere}\n"
    "header.bad{background:var(--bad-ground)}header.warn{background:var(--warn-ground)}\n"
    ".tiles{display:grid;grid-template-columns:repeat(4,1fr);gap:.9rem}\n"
    ".tiles li{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.8rem 1rem;"
    "min-width:0}\n"
    "h3{font-size:.85rem;font-weight:500;color:var(--quiet)}\n"
    ".big{font-size:1.75rem;font-weight:600;line-height:1.3;letter-spacing:-.01em;white-space:nowrap}\n"
    ".tiles .spark{height:2.4rem;margin-top:.6rem}\n";

static const char lists[] =
    ".alerts{background:var(--card);border:1px solid var(--line);border-radius:.5rem;overflow:hidden}\n"
    ".alerts li{display:grid;grid-template-columns:7rem 1fr auto;gap:.2rem 1rem;padding:.8rem 1.25rem .8rem 1rem;"
    "border-left:.25rem solid transparent}\n"
    ".alerts li+li{border-top:1px solid var(--line)}\n.alerts li,.alerts p{overflow-wrap:anywhere}\n"
    ".alerts li.bad,.alerts li.warn{border-left-color:currentColor}\n"
    ".alerts li.bad{background:var(--bad-ground)}.alerts li.warn{background:var(--warn-ground)}\n"
    ".alerts div,.alerts .when{color:var(--text)}\n.alerts .quiet,.alerts .when{color:var(--quiet)}\n"
    ".state b{display:block;font-weight:650}.state span{font-size:.85rem}\n"
    ".pending .state b{font-weight:500}.resolved{color:var(--quiet)}.resolved .state b{font-weight:500}\n"
    ".when{text-align:right;font-size:.85rem}.when span{display:block}.when "
    ".tag{display:inline-block;margin-top:.2rem}\n"
    ".tag{border:1px solid var(--line);border-radius:.3rem;padding:0 .35rem;white-space:nowrap}\n"
    ".facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(11rem,1fr));gap:.9rem;background:var(--card);"
    "border:1px solid var(--line);border-radius:.5rem;padding:1rem 1.25rem}\n"
    "dt{font-size:.85rem;color:var(--quiet)}\n";

static const char tables[] =
    ".scroll{position:relative;overflow-x:auto;background:var(--card);border:1px solid "
    "var(--line);border-radius:.5rem}\n"
    "table{border-collapse:collapse;width:100%}\n"
    "th,td{padding:.4rem .6rem;text-align:right;white-space:nowrap;font-weight:400}\n"
    "thead th{color:var(--quiet);font-size:.85rem;vertical-align:bottom;padding-bottom:.3rem}\n"
    "thead tr+tr th{padding-top:0}\nth[colspan]{padding-bottom:0;text-align:left;color:var(--text);font-weight:500}\n"
    "th[colspan],.first{padding-left:1.4rem}\n"
    "tbody tr{border-top:1px solid var(--line)}\n"
    "th:first-child[scope=row],th:first-child[rowspan],thead tr:only-child th:first-child{text-align:left;"
    "position:sticky;left:0;background:var(--card)}\n"
    "th[scope=row]{max-width:18rem;min-width:10.5rem;white-space:normal;overflow-wrap:anywhere}\n"
    ".left{text-align:left}.wide{white-space:normal;min-width:9rem;max-width:26rem;overflow-wrap:anywhere}\n"
    ".wide .bad{font-weight:400}\n.rest th,.rest td{color:var(--quiet)}\n"
    "td.pic{width:8rem;padding:.2rem 0}th.pic{padding-left:0;padding-right:0;text-align:left}\n"
    ".spark{display:block;width:100%;height:1.6rem;overflow:visible}\n"
    ".bars path{fill:var(--accent)}.bars .now{fill:var(--pale)}\n.bars{border-bottom:1px solid var(--pale)}\n"
    ".line path{fill:none;stroke:var(--accent);stroke-width:1.5;stroke-linejoin:round;stroke-linecap:round;"
    "vector-effect:non-scaling-stroke}\n"
    ".line .level{stroke:var(--quiet);stroke-width:1;stroke-dasharray:2 4;opacity:.7}\n"
    "details{margin-top:.7rem}\nsummary{cursor:pointer;padding:.3rem 0}\n";

static const char phone[] =
    "@media(max-width:60rem){.tiles{grid-template-columns:repeat(2,1fr)}}\n"
    "@media(max-width:44rem){body{font-size:14px}main{padding:0 .75rem 1.5rem}.asof{margin-left:0;width:100%}\n"
    ".alerts li{grid-template-columns:1fr;padding:.7rem .9rem}.state b{display:inline}.when{text-align:left}\n"
    "header{padding:.8rem 1rem}.big{font-size:1.45rem}.tiles{gap:.6rem}.tiles li{padding:.6rem .8rem}\n"
    ".rates .pic{padding:0;width:0;font-size:0}.rates .pic svg{display:none}\n" /* the column stays, for the headings */
    "th,td{padding:.45rem .5rem}th[colspan],.first{padding-left:.8rem}th[scope=row]{min-width:8.5rem;max-width:9rem}}\n"
    "@media print{.scroll{overflow:visible}nav a{display:none}}\n";

void page_write_style(FILE *out) {
    fputs(colours, out);
    fputs(page, out);
    fputs(headline, out);
    fputs(lists, out);
    fputs(tables, out);
    fputs(phone, out);
}

/* Every 15 seconds, while someone looks: fetches the page, and puts its <main> in place of ours. What was unfolded,
 * scrolled to or focused stays so; while text is selected nothing moves. When there is no answer, the page says how
 * old it is. */
static const char script[] =
    "(() => {\n"
    "'use strict';\n"
    "let last = new Date();\n"
    "const lost = document.getElementById('lost');\n"
    "const each = (root, what, act) => root.querySelectorAll(what).forEach(act);\n"
    "const swap = (next) => {\n"
    "  const old = document.querySelector('main'), main = next.querySelector('main');\n"
    "  if (!main) throw new Error('no page');\n"
    "  each(old, 'details[id]', (e) => { const n = next.getElementById(e.id); if (n) n.open = e.open; });\n"
    "  const places = [];\n"
    "  each(old, '.scroll', (e) => { if (e.scrollLeft) places.push([e.id, e.scrollLeft]); });\n"
    "  const focused = document.activeElement && document.activeElement.id;\n"
    "  old.replaceWith(main);\n"
    "  for (const [id, left] of places) { const e = document.getElementById(id); if (e) e.scrollLeft = left; }\n"
    "  const again = focused && document.getElementById(focused);\n"
    "  if (again) again.focus({preventScroll: true});\n"
    "  document.title = next.title;\n"
    "  const icon = next.querySelector('link[rel=icon]');\n"
    "  if (icon) document.querySelector('link[rel=icon]').replaceWith(icon);\n"
    "};\n"
    "const update = async () => {\n"
    "  if (document.hidden || !getSelection().isCollapsed) return;\n"
    "  try {\n"
    "    const answer = await fetch(location.pathname, {cache: 'no-store', signal: AbortSignal.timeout(10000)});\n"
    "    if (!answer.ok) throw new Error(answer.statusText);\n"
    "    swap(new DOMParser().parseFromString(await answer.text(), 'text/html'));\n"
    "    last = new Date();\n"
    "    lost.textContent = '';\n"
    "  } catch (problem) {\n"
    "    lost.textContent = 'Not updated since ' + last.toLocaleTimeString() + ': the service does not answer.';\n"
    "  }\n"
    "};\n"
    "setInterval(update, 15000);\n"
    "document.addEventListener('visibilitychange', update);\n"
    "})();\n";

void page_write_script(FILE *out) {
    fputs(script, out);
}
