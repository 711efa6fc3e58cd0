// The first script of every page: small, and nothing of it is needed to read a number.
import "htmx.org";
import { forms } from "./forms";
import { find } from "./find";
import { periods } from "./periods";
import { popovers } from "./popovers";
import { refreshing } from "./refreshing";
import { tour } from "./tour";
import { uploads } from "./uploads";

find();
forms();
periods();
popovers();
refreshing();
tour();
uploads();

// The chart library is seven times as large as everything else: fetched when a chart comes near the screen.
function charts(within: ParentNode): void {
  for (const figure of within.querySelectorAll<HTMLElement>("[data-chart]:not([data-watched])")) {
    figure.dataset.watched = "";
    new IntersectionObserver(async (entries, observer) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      const canvas = figure.querySelector<HTMLElement>("[data-canvas]");
      try {
        const { chart } = await import("./chart");
        chart(figure);
      } catch (fault) {
        if (canvas) canvas.textContent = canvas.dataset.failed ?? "";
        figure.querySelector("details")?.setAttribute("open", "");
        throw fault;
      }
    }, { rootMargin: "200px" }).observe(figure);
  }
}
charts(document);
document.addEventListener("htmx:after:swap", () => charts(document));
