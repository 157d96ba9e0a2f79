"""The stylesheet of the SVG diagram: light and dark by the viewer's preference. The console's pages use the same.

The six colours of route tables have a contrast of 4.5 : 1 or more on both backgrounds (WCAG 2.2, 1.4.3), and none of
them is red or green: those say what is refused and what passes.
"""

from __future__ import annotations

STYLE = """
:root{--bg:#fff;--fg:#101828;--dim:#596579;--line:#98a2b3;--vpc:#f7f8fa;--box:#fff;--card:#fff;--cardline:#cbd2dc;
--net:#e9effc;--netline:#7b9be6;--ok:#12805c;--okbg:#e6f6ef;--bad:#c01818;--badbg:#fdecec;--warn:#8a5a00;
--c0:#1d5fd1;--c1:#7a3fc4;--c2:#0b6f7c;--c3:#955009;--c4:#b8306f;--c5:#4b5a1e}
@media(prefers-color-scheme:dark){:root{--bg:#0e1116;--fg:#e6eaf0;--dim:#9aa6b8;--line:#5b6676;--vpc:#151a21;
--box:#1b212a;--card:#222a35;--cardline:#3a4555;--net:#182440;--netline:#5577c9;--ok:#4cc38a;--okbg:#12331f;
--bad:#ff6b6b;--badbg:#3d1618;--warn:#e2b341;--c0:#6ea8ff;--c1:#b48cf2;--c2:#4fc3d0;--c3:#f0a35e;--c4:#f279ac;
--c5:#b5c96a}}
.map{background:var(--bg);font:12.5px system-ui,"DejaVu Sans",sans-serif}
.map text{fill:var(--fg)}
.map .h1{font-size:16px;font-weight:700}
.map .h2{font-size:13.5px;font-weight:650}
.map .b{font-weight:600}
.map .mono{font-family:"DejaVu Sans Mono",ui-monospace,monospace;font-size:11px}
.map .sm{font-size:11px}
.map .dim{fill:var(--dim)}
.map .bad{fill:var(--bad)}
.map .ok{fill:var(--ok)}
.map .warn{fill:var(--warn)}
.map .middle{text-anchor:middle}
.map .end{text-anchor:end}
.map .vpc{fill:var(--vpc);stroke:var(--line);stroke-width:1.5}
.map .box{fill:var(--box);stroke-width:1.75}
.map .card{fill:var(--card);stroke:var(--cardline)}
.map .gw{fill:var(--box);stroke:var(--fg);stroke-width:1.75}
.map .rep{fill:var(--okbg);stroke:var(--ok)}
.map .rep.unknown{fill:var(--card);stroke:var(--cardline)}
.map .rep.dead{fill:var(--badbg);stroke:var(--bad)}
.map .net{fill:var(--net);stroke:var(--netline);stroke-width:1.5}
.map .host{fill:var(--box);stroke:var(--line)}
.map .row{fill:var(--badbg)}
.map .tint{fill-opacity:.1}
.map .edge{fill:none;stroke-width:2;stroke-linecap:round}
.map .hole{fill:none;stroke:var(--bad);stroke-width:2.5;stroke-dasharray:7 5}
.map .ring{fill:var(--bg);stroke:var(--bad);stroke-width:2.5}
.map .wire{fill:none;stroke:var(--line);stroke-width:1.5}
.map .out{fill:none;stroke:var(--ok);stroke-width:3}
.map .head{fill:var(--ok)}
.map .in{fill:none;stroke:var(--bad);stroke-width:2}
.map .bar{fill:none;stroke:var(--bad);stroke-width:4}
.map .pill{fill:var(--bg);stroke:var(--cardline)}
.map .s0{stroke:var(--c0)}.map .s1{stroke:var(--c1)}.map .s2{stroke:var(--c2)}
.map .s3{stroke:var(--c3)}.map .s4{stroke:var(--c4)}.map .s5{stroke:var(--c5)}
.map .f0{fill:var(--c0)}.map .f1{fill:var(--c1)}.map .f2{fill:var(--c2)}
.map .f3{fill:var(--c3)}.map .f4{fill:var(--c4)}.map .f5{fill:var(--c5)}
.map .node{outline:none}
.map .node[role=button]{cursor:pointer}
.map .node[role=button]:focus>.shape,.map .node[role=button]:hover>.shape{stroke:var(--c0);stroke-width:3}
.map .open>.shape{stroke:var(--bad);stroke-width:2.5}
.map .closed>.shape{stroke:var(--ok);stroke-width:2.5}
.map .drifted>.shape{stroke:var(--warn);stroke-width:2.5;stroke-dasharray:6 3}
.map .onpath>.shape{stroke:var(--fg);stroke-width:3}
.map .pale text{fill:var(--line)}
.map .pale>.shape{stroke:var(--cardline)}
.map .faint{opacity:.25}
.map .beyond>.shape{stroke-dasharray:4 4}
.map .hop{fill:var(--fg)}
.map .hop.dies{fill:var(--bad)}
.map .hopt{fill:var(--bg);font-size:11px;font-weight:700;text-anchor:middle}
"""
